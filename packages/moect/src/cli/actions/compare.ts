import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { LanguageComparison } from '@moect/eval';
import type { Report } from '@moect/report';
import { writeReport } from '@moect/report/node';
import { readJsonFile, writeFileAtomic } from '@moect/safetensors/node';
import { abortOnSignals } from '@moect/trainer/node';
import { compare } from '../../evaluation/compare.ts';
import type { PackComparison } from '../../evaluation/pack-comparison.ts';
import { signedPercent } from '../../numbers.ts';
import { checkReportFolder } from '../../platform/check-output.ts';
import { unlessInterrupted } from '../../unless-interrupted.ts';
import {
  type CacheOptions,
  cacheOf,
  parseTexts,
  type TextOptions,
  textSettingsOf,
  textsOf,
} from '../arguments.ts';
import { EXIT, UsageError } from '../exit-codes.ts';
import { type Io, noteLines, table } from '../io.ts';
import { type ModelOptions, openModels, usageOf } from '../load-models.ts';
import { scoringProgress } from '../scoring-progress.ts';
import { planCommand } from './plan-scores.ts';

const REPORT = 'report.json';
const PAGE = 'report.html';

/** Whether a file is a report of ours, which the next one may replace. */
async function isReport(path: string): Promise<boolean> {
  try {
    return String((await readJsonFile(path))['schema']).startsWith('moect-report/');
  } catch {
    return false;
  }
}

/** Options from the command line. */
export interface CompareCommandOptions extends ModelOptions, CacheOptions, TextOptions {
  readonly text: readonly string[];
  readonly old: readonly string[];
  readonly maxForgetting?: number;
  readonly output: string;
  readonly resamples: number;
  readonly json?: boolean;
  readonly plan?: boolean;
}

function languageRow(name: string, row: LanguageComparison): string[] {
  const [low, high] = row.relativeCi95;
  const interval = row.hasInterval ? `${signedPercent(low)} … ${signedPercent(high)}` : 'one document';
  return [
    name,
    row.language,
    row.role,
    row.before.toFixed(4),
    row.after.toFixed(4),
    signedPercent(row.relativeChange),
    interval,
    `${row.documents}${row.fewDocuments ? ' (few)' : ''}`,
  ];
}

function print(results: readonly PackComparison[], io: Io): void {
  const rows = results.flatMap(({ pack, comparison }) =>
    comparison.languages.map((row) => languageRow(pack.name, row)),
  );
  io.out(
    table([['extension', 'language', 'role', 'before', 'after', 'change', '95 %', 'documents'], ...rows]),
  );
  for (const { pack, comparison } of results) {
    const { retention, gain } = comparison;
    const kept = retention === null ? 'no old language was given' : retentionText(retention);
    const won = gain === null ? '' : `; gain ${gain.mean.toFixed(4)} bits a byte`;
    io.out(`${pack.name}: ${kept}${won}\n`);
  }
}

function retentionText(retention: NonNullable<PackComparison['comparison']['retention']>): string {
  const { worstLanguage, relativeChange, bound, kept } = retention;
  const worst = `old languages at worst ${signedPercent(relativeChange)} (${worstLanguage})`;
  if (bound === undefined) return worst;
  return `${worst}, ${kept === true ? 'kept' : 'NOT kept'} within ${signedPercent(bound)}`;
}

function checkOptions({ extension, maxForgetting }: CompareCommandOptions): void {
  if (extension.length === 0) {
    throw new UsageError('Nothing to compare the base with.', 'Give one or more --extension folders.');
  }
  if (maxForgetting === 0) {
    throw new UsageError('--max-forgetting 0% cannot be shown by measuring.', "Give a bound such as '0.1%'.");
  }
}

async function writeReports(folder: string, report: Report): Promise<void> {
  // imported only here, because the plots' library loads slowly
  const { renderReport } = await import('@moect/report');
  await mkdir(folder, { recursive: true });
  await writeReport(join(folder, REPORT), report);
  await writeFileAtomic(join(folder, PAGE), await renderReport(report));
}

/** Runs `moect compare`; gives the exit code. */
export async function compareCommand(options: CompareCommandOptions, io: Io): Promise<number> {
  checkOptions(options);
  const texts = textsOf(parseTexts(options.text, '--text'));
  const cache = cacheOf(options);
  const folder = resolve(options.output);
  await checkReportFolder(folder, [REPORT, PAGE], () => isReport(join(folder, REPORT)));
  const abort = abortOnSignals();
  const models = await openModels(options, io, abort.signal);
  if (models === null) return EXIT.interrupted;
  const progress = scoringProgress(io.progress);
  try {
    const { base, packs } = models;
    const { old, maxForgetting, resamples } = options;
    const data = textSettingsOf(options);
    if (options.plan === true) {
      const request = { texts, old, maxForgetting, data, json: options.json === true };
      return await planCommand(models, request, io);
    }
    const comparing = compare(base, packs, texts, {
      old,
      resamples,
      signal: abort.signal,
      onProgress: progress.update,
      onReady: ({ notes }) => io.err(noteLines(notes)),
      ...usageOf(options),
      ...(maxForgetting !== undefined && { maxForgetting }),
      ...(cache && { cache }),
      ...(data && { data }),
    });
    const compared = await unlessInterrupted(abort.signal, comparing);
    progress.end();
    if (compared === null) return EXIT.interrupted;
    io.err(noteLines(compared.notes));
    const report = await compared.report();
    await writeReports(folder, report);
    if (options.json === true) io.out(`${JSON.stringify(report, null, 2)}\n`);
    else print(compared.packs, io);
    io.err(`report: ${join(folder, PAGE)}\n`);
    const isKept = compared.packs.every(({ comparison }) => comparison.retention?.kept !== false);
    return isKept ? EXIT.ok : EXIT.forgot;
  } finally {
    progress.end();
    models.dispose();
    abort.dispose();
  }
}
