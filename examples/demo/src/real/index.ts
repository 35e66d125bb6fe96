import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { renderReport } from '@moect/report';
import { writeReport } from '@moect/report/node';
import { readJsonFile, writeFileAtomic, writeJsonAtomic } from '@moect/safetensors/node';
import { abortOnSignals } from '@moect/trainer/node';
import { fetchBy } from './fetch.ts';
import type { RealJob } from './jobs.ts';
import type { LanguageFiles, RealLanguage } from './language.ts';
import { HELP, parseOptions, type RealOptions, UsageError } from './options.ts';
import { printSummary } from './print-table.ts';
import { runJobs } from './run-jobs.ts';
import { summarize } from './summarize.ts';
import { digestText, readText, writeText } from './text.ts';

const EXIT = { failed: 1, usage: 64, interrupted: 130 } as const;

const from = process.env['INIT_CWD'] ?? process.cwd();

/** The model: asked for, in the environment, or fetched. */
async function findBase({ base, output }: RealOptions): Promise<string> {
  const given = base ?? process.env['MOECT_SMOLLM2_GGUF'];
  if (given) return path.resolve(from, given);
  return fetchBy('get-smollm2', path.join(output, 'model'));
}

/** A folder is for one text, one model and one number of tokens: results of another would not be comparable. */
async function checkSame(
  options: RealOptions,
  base: string,
  languages: readonly RealLanguage[],
): Promise<void> {
  const file = path.join(options.output, 'settings.json');
  const settings = { tokens: options.tokens, base: path.basename(base), text: digestText(languages) };
  if (existsSync(file)) {
    const kept = await readJsonFile(file);
    const other = Object.entries(settings).find(([key, value]) => kept[key] !== value);
    if (other !== undefined) {
      throw new UsageError(
        `${options.output} holds results with other ${other[0]}. Choose another folder with --output, or remove it.`,
      );
    }
  }
  await writeJsonAtomic(file, settings);
}

/** All training runs first, then all measurements. */
function jobsOf(options: RealOptions, base: string, languages: readonly LanguageFiles[]): RealJob[] {
  const { methods, tokens, output } = options;
  return (['training', 'measuring'] as const).flatMap((kind) =>
    methods.map((method) => {
      const run = path.join(output, 'runs', method);
      const result = path.join(output, 'results', `${kind}-${method}.json`);
      return { kind, method, tokens, base, languages, run, result };
    }),
  );
}

function announce(languages: readonly RealLanguage[], { methods, tokens }: RealOptions): void {
  const size = (documents: RealLanguage['train']): string =>
    `${Math.round(documents.reduce((sum, { text }) => sum + Buffer.byteLength(text), 0) / 1000)} kB`;
  for (const { code, role, train, heldOut, source } of languages) {
    const use = role === 'new' ? 'to learn' : 'to replay';
    console.error(`${code}: ${size(train)} ${use}, ${size(heldOut)} held out; ${source}`);
  }
  console.error(`${methods.join(', ')}: ${tokens.toLocaleString('en')} tokens each. Ctrl-C saves.`);
}

async function finish(
  jobs: readonly RealJob[],
  languages: readonly RealLanguage[],
  output: string,
): Promise<void> {
  const summary = await summarize(jobs, languages);
  const page = path.join(output, 'report.html');
  await writeReport(path.join(output, 'report.json'), summary.report);
  await writeFileAtomic(page, await renderReport(summary.report));
  printSummary(summary);
  console.log(`\nReport: ${path.relative(from, page)}`);
}

/** Gives the exit code. Throws UsageError and what a job throws. */
async function main(): Promise<number> {
  const options = parseOptions(process.argv.slice(2), from);
  if (options === null) {
    console.log(HELP);
    return 0;
  }
  const { output } = options;
  await mkdir(output, { recursive: true });
  const base = await findBase(options);
  const languages = await readText(options, () => fetchBy('get-swahili', path.join(output, 'swahili')));
  await checkSame(options, base, languages);
  const jobs = jobsOf(options, base, await writeText(languages, path.join(output, 'text')));
  announce(languages, options);
  const abort = abortOnSignals({
    onSignal: (name) => console.error(`\n${name}: stopping after the step at hand, then saving.`),
  });
  const isDone = await runJobs(jobs, abort.signal).finally(() => abort.dispose());
  if (!isDone) {
    console.error('Interrupted, state saved; the same command goes on.');
    return EXIT.interrupted;
  }
  await finish(jobs, languages, output);
  return 0;
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(`demo:real: ${error instanceof Error ? error.message : error}`);
  process.exitCode = error instanceof UsageError ? EXIT.usage : EXIT.failed;
}
