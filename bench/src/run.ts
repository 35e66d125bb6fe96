import { CASES } from './cases/index.ts';
import { HELP, listText, type RunOptions, readOptions } from './cli.ts';
import { measureCase } from './measure/measure-case.ts';
import { progress } from './progress.ts';
import { caseReport } from './report/case-report.ts';
import { writeDocs } from './report/docs.ts';
import { readReport, withCase, writeReport } from './report/report-file.ts';
import { caseText } from './report/tables.ts';

async function runCases({ cases, out, rounds, isQuick, contenders }: RunOptions): Promise<void> {
  let report = await readReport(out).catch((error: Error) => {
    console.error(`Earlier results are replaced: ${error.message}`);
    return null;
  });
  const shown = progress(cases, report, rounds);
  for (const benchCase of cases) {
    console.log(`\n${benchCase.name}: ${benchCase.title}`);
    const only = contenders === undefined ? {} : { only: contenders };
    const onProgress = shown.of(benchCase);
    const measured = await measureCase(benchCase, { rounds, isQuick, onProgress, ...only });
    shown.clear();
    const result = caseReport(benchCase, measured, isQuick);
    console.log(caseText(result));
    // nothing ran, for instance because a model is missing: what was measured before stays
    if (Object.keys(result.results).length === 0) continue;
    // written after each case, so that an interrupted run keeps what it measured
    report = withCase(report, result);
    await writeReport(out, report);
  }
  console.log(`\nwritten: ${out}`);
}

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2));
  if (options.action === 'help') return console.log(HELP);
  if (options.action === 'list') return console.log(listText(CASES));
  if (options.action === 'run') return runCases(options);
  const report = await readReport(options.out);
  if (report === null) throw new Error(`${options.out} is not there: run the benchmark first.`);
  await writeDocs(options.page, report);
  console.log(`written: ${options.page} (npm run format aligns its tables)`);
}

main().catch((error: Error) => {
  console.error(error.message);
  process.exitCode = 1;
});
