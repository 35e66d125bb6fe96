import type { CaseReport } from './report.ts';

export const speed = (value: number): string =>
  value >= 100 ? Math.round(value).toLocaleString('en-US') : value.toPrecision(3);

const mebibytes = (bytes: number | undefined): string =>
  bytes === undefined ? '' : Math.round(bytes / 2 ** 20).toLocaleString('en-US');

/** Column heads and one row a contender. */
export function speedTable({ results, tokensPerStep, unit }: CaseReport): string[][] {
  const rows = Object.entries(results).map(([name, result]) => [
    name,
    speed(result.median),
    `${speed(result.min)} … ${speed(result.max)}`,
    speed((tokensPerStep / result.median) * 1000),
    result.modelGflops === undefined ? '' : result.modelGflops.toFixed(1),
    result.shareOfCeiling === undefined ? '' : `${(100 * result.shareOfCeiling).toFixed(0)} %`,
    mebibytes(result.wasmHeapBytes),
    result.webgpu === undefined ? '' : String(result.webgpu.dispatchesPerStep),
    mebibytes(result.peakRssBytes),
    result.check === null ? '' : String(Number(result.check.toFixed(4))),
  ]);
  const heads = [
    'contender',
    unit,
    'min … max',
    'ms a step',
    'model GFLOP/s',
    'of ceiling',
    'wasm MiB',
    'dispatches',
    'RSS MiB',
    'check',
  ];
  // columns that no row of this case fills are left out
  const used = heads.map((_, i) => rows.some((row) => row[i] !== ''));
  return [heads, ...rows].map((row) => row.filter((_, i) => used[i]));
}

export function barLines({ bars }: CaseReport): string[] {
  return bars.map(({ text, value, atLeast, atMost, met }) => {
    const bound = atLeast === undefined ? `at most ${atMost!.toFixed(2)}` : `at least ${atLeast.toFixed(2)}`;
    return `${text}: ${value.toFixed(2)} (${bound}: ${met ? 'met' : 'NOT met'})`;
  });
}

/** Drivers of the contenders on WebGPU. */
export function adapterLines({ results }: CaseReport): string[] {
  const adapters = [...new Set(Object.values(results).flatMap(({ webgpu }) => webgpu?.adapter ?? []))];
  return adapters.map((adapter) => {
    const users = Object.keys(results).filter((name) => results[name]!.webgpu?.adapter === adapter);
    return `WebGPU of ${users.join(', ')}: ${adapter}`;
  });
}

export function costLine({ cost }: CaseReport): string | null {
  if (cost === undefined) return null;
  const { entry, reference, predicted, measured } = cost;
  const excess = (measured / predicted).toFixed(2);
  return `${entry} ÷ ${reference}, step time: predicted ${predicted.toFixed(2)}, measured ${measured.toFixed(2)}, ${excess} × predicted`;
}

/** The report of a case as text for a terminal. */
export function caseText(report: CaseReport): string {
  const table = speedTable(report);
  const widths = table[0]!.map((_, i) => Math.max(...table.map((row) => row[i]!.length)));
  const lines = table.map((row) =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join('  '),
  );
  const { gflopsOneThread, gflopsAllThreads } = report.ceiling;
  return [
    ...lines,
    `product ceiling: ${gflopsOneThread.toFixed(1)} GFLOP/s on one thread, ${gflopsAllThreads.toFixed(1)} on all`,
    ...adapterLines(report),
    ...[costLine(report)].filter((line) => line !== null),
    ...barLines(report),
    ...Object.entries(report.leftOut).map(([name, reason]) => `left out: ${name}: ${reason}`),
  ].join('\n');
}
