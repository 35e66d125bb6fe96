import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { LanguageComparison } from '@moect/eval';
import type { Report } from '@moect/report';
import { writeReport } from '@moect/report/node';
import { writeFileAtomic } from '@moect/safetensors/node';
import { abortOnSignals } from '@moect/trainer/node';
import { buildReport } from '../../evaluation/build-report.ts';
import { compareExtensions, type ExtensionComparison } from '../../evaluation/compare-extensions.ts';
import { readTexts } from '../../evaluation/read-texts.ts';
import { unlessInterrupted } from '../../unless-interrupted.ts';
import { type CacheOptions, parseTexts } from '../arguments.ts';
import { EXIT, UsageError } from '../exit-codes.ts';
import { type Io, signedPercent, table } from '../io.ts';
import { loadModels, type ModelOptions, openCache } from '../load-models.ts';

/** What the command line gave. */
export interface CompareCommandOptions extends ModelOptions, CacheOptions {
  readonly text: readonly string[];
  readonly old: readonly string[];
  readonly maxForgetting?: number;
  readonly output: string;
  readonly resamples: number;
  readonly json?: boolean;
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

function print(results: readonly ExtensionComparison[], io: Io): void {
  const rows = results.flatMap(({ extension, comparison }) =>
    comparison.languages.map((row) => languageRow(extension.name, row)),
  );
  io.out(
    table([['extension', 'language', 'role', 'before', 'after', 'change', '95 %', 'documents'], ...rows]),
  );
  for (const { extension, comparison } of results) {
    const { retention, gain } = comparison;
    const kept = retention === null ? 'no old language was given' : retentionText(retention);
    const won = gain === null ? '' : `; gain ${gain.mean.toFixed(4)} bits a byte`;
    io.out(`${extension.name}: ${kept}${won}\n`);
  }
}

function retentionText(retention: NonNullable<ExtensionComparison['comparison']['retention']>): string {
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
  // only here: the plots' library takes its time to load
  const { renderReport } = await import('@moect/report');
  await mkdir(folder, { recursive: true });
  await writeReport(join(folder, 'report.json'), report);
  await writeFileAtomic(join(folder, 'report.html'), await renderReport(report));
}

/** Runs `moect compare`; gives the exit code. */
export async function compareCommand(options: CompareCommandOptions, io: Io): Promise<number> {
  checkOptions(options);
  const wanted = parseTexts(options.text, '--text');
  const begin = performance.now();
  const abort = abortOnSignals();
  const models = await loadModels(options);
  const hiddenStates = await openCache(options, models);
  try {
    const { backend, base, extensions } = models;
    const texts = await readTexts(wanted, extensions, options.old);
    if (options.maxForgetting !== undefined && texts.every(({ role }) => role !== 'old')) {
      throw new UsageError(
        '--max-forgetting needs text of an old language.',
        'Name the old ones with --old, for example --old eng_Latn.',
      );
    }
    const { combine, maxForgetting, resamples } = options;
    const comparing = compareExtensions({
      ...(hiddenStates && { hiddenStates }),
      base,
      extensions,
      texts,
      resamples,
      signal: abort.signal,
      onProgress: (what) => io.err(`scoring ${what}\n`),
      ...(combine && { combine }),
      ...(maxForgetting !== undefined && { maxForgetting }),
    });
    const results = await unlessInterrupted(abort.signal, comparing);
    if (results === null) return EXIT.interrupted;
    const folders = options.extension.map((folder) => resolve(folder));
    const seconds = (performance.now() - begin) / 1000;
    const report = await buildReport({ backend, base, texts, comparisons: results, folders, seconds });
    await writeReports(resolve(options.output), report);
    if (options.json === true) io.out(`${JSON.stringify(report, null, 2)}\n`);
    else print(results, io);
    io.err(`report: ${resolve(options.output, 'report.html')}\n`);
    const isKept = results.every(({ comparison }) => comparison.retention?.kept !== false);
    return isKept ? EXIT.ok : EXIT.forgot;
  } finally {
    await hiddenStates?.close();
    models.dispose();
    abort.dispose();
  }
}
