import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { CASES } from '../cases/index.ts';
import type { BenchReport, CaseReport } from './report.ts';
import { reportSchema } from './report-schema.ts';

/** Reads the report: null if there is none; throws if the file is not a report. */
export async function readReport(file: string): Promise<BenchReport | null> {
  if (!existsSync(file)) return null;
  const parsed = reportSchema.safeParse(JSON.parse(await readFile(file, 'utf8')));
  if (parsed.success) return parsed.data;
  const [first] = parsed.error.issues;
  throw new Error(
    `${file} is not a report of schema moect-bench/1: ${first?.path.join('.')}: ${first?.message}`,
  );
}

const place = ({ name }: CaseReport): number => CASES.findIndex((known) => known.name === name);

/** Replaces a case's earlier result; the other cases stay, with their own dates. */
export function withCase(report: BenchReport | null, added: CaseReport): BenchReport {
  const others = report?.cases.filter(({ name }) => name !== added.name) ?? [];
  const { date, hardware, ceiling } = added;
  const cases = [...others, added].sort((a, b) => place(a) - place(b));
  return { schema: 'moect-bench/1', date, hardware, ceiling, cases };
}

export async function writeReport(file: string, report: BenchReport): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(`${file}.part`, `${JSON.stringify(reportSchema.parse(report), null, 2)}\n`);
  await rename(`${file}.part`, file);
}
