import { bitEqualShare, type Report, type ReportMethod } from '@moect/report';

export const percent = (x: number, digits = 2): string =>
  `${x >= 0 ? '+' : ''}${(100 * x).toFixed(digits)} %`;

const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

const pad = (cells: readonly string[], widths: readonly number[]): string =>
  cells.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join('  ');

export function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, i) => Math.max(...rows.map((row) => [...row[i]!].length)));
  return rows.map((row) => pad(row, widths)).join('\n');
}

/** Methods by name, each with all its seeds. */
function byName(report: Report): [string, ReportMethod[]][] {
  const names = [...new Set(report.methods.map(({ name }) => name))];
  return names.map((name) => [name, report.methods.filter((method) => method.name === name)]);
}

/** One row a method: the worst old language, the gain, the pack. Means over seeds. */
function overview(report: Report): string {
  const head = [
    'method',
    'worst old language',
    '95 % interval',
    'gain of ct',
    'old tokens bit-equal',
    'pack',
    'tokens/s',
  ];
  const rows = byName(report).map(([name, runs]) => {
    const [first] = runs as [ReportMethod];
    const { ci95, worstLanguage } = first.retention!;
    const equal = bitEqualShare(report, runs);
    return [
      name,
      `${percent(mean(runs.map(({ retention }) => retention!.relativeChange)))} ${worstLanguage.slice(0, 3)}`,
      `${percent(ci95[0])} … ${percent(ci95[1])}`,
      `${(100 * mean(runs.map(({ gain }) => gain!.ratio?.value ?? 1))).toFixed(1)} %`,
      // behind the mixture, old tokens never see the pack's logits alone
      first.mixtureBound || equal === null ? 'mixed' : `${(100 * equal).toFixed(0)} %`,
      `${((first.packBytes ?? 0) / 1e6).toFixed(1)} MB`,
      mean(runs.map(({ tokensPerSecond }) => tokensPerSecond)).toFixed(0),
    ];
  });
  return table([head, ...rows]);
}

/** Bits per byte of every language before and after each method. */
export function bitsPerByte(report: Report): string {
  const methods = byName(report);
  const head = ['bits per byte', 'role', 'before', ...methods.map(([name]) => name)];
  const rows = report.languages.map(({ code, name, role }) => {
    const scores = methods.map(([, runs]) => runs.map(({ bitsPerByte }) => bitsPerByte[code]!));
    return [
      name ?? code,
      role,
      scores[0]![0]!.before.toFixed(3),
      ...scores.map((of) => mean(of.map(({ after }) => after)).toFixed(3)),
    ];
  });
  return table([head, ...rows]);
}

/** Prints the tables at the end of the demo. */
export function printReport(report: Report): void {
  const { base, seconds, peakRssBytes, backend } = report;
  const seeds = new Set(report.methods.map(({ seed }) => seed)).size;
  const bound = report.methods.find(({ mixtureBound }) => mixtureBound !== undefined)?.mixtureBound;
  console.log(`\n${bitsPerByte(report)}\n\n${overview(report)}\n`);
  if (seeds > 1) console.log(`Means over ${seeds} seeds; the intervals are those of the first.`);
  if (bound)
    console.log(
      `Mixture: at most ${bound.worst.toFixed(3)} bit a document worse than the base (bound ${bound.bound}).`,
    );
  const same = base.sha256Before === base.sha256After ? 'unchanged' : 'CHANGED';
  console.log(
    `Base: ${base.parameters.toLocaleString('en')} parameters, SHA-256 ${base.sha256Before.slice(0, 16)}… ${same}.`,
  );
  console.log(
    `${backend.detail}; ${Math.round(seconds)} s, ${(peakRssBytes / 2 ** 20).toFixed(0)} MiB in the largest process.`,
  );
}
