import { readJsonFile, writeJsonAtomic } from '@moect/safetensors/node';
import { parseReport } from './parse-report.ts';
import type { Report } from './report.ts';

/** Writes `report.json`, checked and renamed into place. Throws InvalidConfigError. */
export async function writeReport(path: string, report: Report): Promise<void> {
  await writeJsonAtomic(path, parseReport(report, path));
}

/** Throws InvalidConfigError, CorruptDataError. */
export async function readReport(path: string): Promise<Report> {
  return parseReport(await readJsonFile(path), path);
}
