import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { knownLanguage } from '@moect/data';
import type { LanguageComparison } from '@moect/eval';
import type { Report } from '@moect/report';
import { writeReport } from '@moect/report/node';
import { writeFileAtomic } from '@moect/safetensors/node';
import { abortOnSignals } from '@moect/trainer/node';
import { compare } from '../../evaluation/compare.ts';
import type { PackComparison } from '../../evaluation/pack-comparison.ts';
import type { Pack } from '../../extension/pack.ts';
import { signedPercent } from '../../numbers.ts';
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
import { planCommand } from './plan-scores.ts';

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
  return [
    name,
    row.language,
    row.role,
    row.before.toFixed(4),
    row.after.toFixed(4),
    signedPercent(row.relativeChange),
    `${signedPercent(low)} … ${signedPercent(high)}`,
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
  await writeReport(join(folder, 'report.json'), report);
  await writeFileAtomic(join(folder, 'report.html'), await renderReport(report));
}

function checkOld(
  codes: readonly string[],
  { old, maxForgetting }: CompareCommandOptions,
  packs: readonly Pack[],
): void {
  const known = packs.flatMap(({ info }) => info.languages.filter(({ role }) => role === 'old'));
  const oldCodes = [...old, ...known.map(({ code }) => code)];
  const isOld = (code: string): boolean => knownLanguage(code, oldCodes) !== null;
  if (maxForgetting === undefined || codes.some(isOld)) return;
  throw new UsageError(
    '--max-forgetting needs text of an old language.',
    'Name the old ones with --old, for example --old eng_Latn.',
  );
}

/** Runs `moect compare`; gives the exit code. */
export async function compareCommand(options: CompareCommandOptions, io: Io): Promise<number> {
  checkOptions(options);
  const texts = textsOf(parseTexts(options.text, '--text'));
  const cache = cacheOf(options);
  const abort = abortOnSignals();
  const models = await openModels(options, io, abort.signal);
  if (models === null) return EXIT.interrupted;
  try {
    const { base, packs } = models;
    const { old, maxForgetting, resamples } = options;
    const data = textSettingsOf(options);
    checkOld(Object.keys(texts), options, packs);
    if (options.plan === true) {
      return await planCommand(models, texts, { old, data }, options.json === true, io);
    }
    const comparing = compare(base, packs, texts, {
      old,
      resamples,
      signal: abort.signal,
      onProgress: (what) => io.err(`scoring ${what}\n`),
      onReady: ({ notes }) => io.err(noteLines(notes)),
      ...usageOf(options),
      ...(maxForgetting !== undefined && { maxForgetting }),
      ...(cache && { cache }),
      ...(data && { data }),
    });
    const compared = await unlessInterrupted(abort.signal, comparing);
    if (compared === null) return EXIT.interrupted;
    io.err(noteLines(compared.notes));
    const report = await compared.report();
    await writeReports(resolve(options.output), report);
    if (options.json === true) io.out(`${JSON.stringify(report, null, 2)}\n`);
    else print(compared.packs, io);
    io.err(`report: ${resolve(options.output, 'report.html')}\n`);
    const isKept = compared.packs.every(({ comparison }) => comparison.retention?.kept !== false);
    return isKept ? EXIT.ok : EXIT.forgot;
  } finally {
    models.dispose();
    abort.dispose();
  }
}
