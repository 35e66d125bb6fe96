import { readFile, writeFile } from 'node:fs/promises';
import type { BenchReport, CaseReport, Hardware } from './report.ts';
import { adapterLines, barLines, costLine, speedTable } from './tables.ts';

const BEGIN = '<!-- results: written by `npm run bench -- --write-docs` -->';
const END = '<!-- end of results -->';

const hardwareText = ({ cpu, cores, gpu, runtime }: Hardware): string =>
  `${cpu}, ${cores} cores, ${gpu === null ? 'no GPU' : gpu}, ${runtime}`;

function caseMarkdown(report: CaseReport): string {
  const [heads, ...rows] = speedTable(report) as [string[], ...string[][]];
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const { gflopsOneThread, gflopsAllThreads } = report.ceiling;
  const cost = costLine(report);
  const runs = Math.min(...Object.values(report.results).map((result) => result.runs));
  const points = [
    ...adapterLines(report),
    ...(cost === null ? [] : [cost]),
    ...barLines(report),
    ...Object.entries(report.leftOut).map(([name, reason]) => `left out: ${name}: ${reason}`),
  ];
  return [
    `### ${report.name}`,
    `${report.title}.`,
    `${hardwareText(report.hardware)}; ${report.date.slice(0, 10)}; ${runs} rounds${report.quick ? ', --quick' : ''}; ` +
      `product ceiling ${gflopsOneThread.toFixed(1)} GFLOP/s on one thread, ${gflopsAllThreads.toFixed(1)} on all.`,
    [line(heads), line(heads.map((_, i) => (i === 0 ? '---' : '---:'))), ...rows.map(line)].join('\n'),
    points.map((point) => `* ${point}`).join('\n'),
  ]
    .filter((part) => part !== '')
    .join('\n\n');
}

/** The page with its results replaced by the report's. Throws where the page has no place for them. */
export function withResults(page: string, report: BenchReport): string {
  const [begin, end] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (begin < 0 || end < begin) throw new Error(`The page lacks the lines '${BEGIN}' and '${END}'.`);
  const results = report.cases.map(caseMarkdown).join('\n\n');
  return `${page.slice(0, begin)}${BEGIN}\n\n${results}\n\n${page.slice(end)}`;
}

export async function writeDocs(file: string, report: BenchReport): Promise<void> {
  await writeFile(file, withResults(await readFile(file, 'utf8'), report));
}
