import { bitsPerByte, percent, table } from '../print-table.ts';
import type { Summary } from './summarize.ts';

const signed = (x: number): string => `${x >= 0 ? '+' : ''}${x.toFixed(1)}`;

/** One row a method: change of each language, the old document that lost most, the pack. */
function overview({ report, rows }: Summary): string {
  const { languages } = report;
  const head = ['change', ...languages.map(({ code, name }) => name ?? code)];
  return table([
    [...head, '95 % of the old one', 'worst old document', 'weights trained', 'pack', 'tokens/s'],
    ...rows.map(({ method, worstBits }) => {
      const [low, high] = method.retention!.ci95;
      return [
        method.name,
        ...languages.map(({ code }) => percent(method.bitsPerByte[code]!.relativeChange!)),
        `${percent(low)} … ${percent(high)}`,
        `${signed(worstBits)} bits`,
        `${(method.trainableParameters / 1e6).toFixed(1)} M`,
        `${((method.packBytes ?? 0) / 1e6).toFixed(1)} MB`,
        method.tokensPerSecond.toFixed(0),
      ];
    }),
  ]);
}

/** Prints the tables at the end of the demo. */
export function printSummary(summary: Summary): void {
  const { report } = summary;
  const { base, backend } = report;
  const bound = report.methods.find(({ mixtureBound }) => mixtureBound !== undefined)?.mixtureBound;
  console.log(`\n${bitsPerByte(report)}\n\n${overview(summary)}\n`);
  if (bound) {
    console.log(
      `Mixture: at most ${bound.worst.toFixed(3)} bit a document worse than the base (bound ${bound.bound}).`,
    );
  }
  const same = base.sha256Before === base.sha256After ? 'unchanged' : 'CHANGED';
  console.log(`Base: ${base.id ?? ''}, ${base.parameters.toLocaleString('en')} parameters, ${same}.`);
  console.log(`${backend.detail}; training and measuring took ${Math.round(report.seconds / 60)} min.`);
}
