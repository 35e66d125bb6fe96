import type { Segment } from './recorder.ts';

export interface Line {
  readonly label: string;
  readonly kind: Segment['kind'];
  readonly calls: number;
  readonly milliseconds: number;
}

const signature = (step: readonly Segment[]): string => step.map(({ label }) => label).join();

/**
 * Quiet step: each segment at its shortest over all steps that ran the same operations as the last one. On a shared
 * machine this leaves out what other processes took.
 */
export function quietStep(steps: readonly Segment[][]): Segment[] {
  const last = steps.at(-1)!;
  const wanted = signature(last);
  const alike = steps.filter((step) => signature(step) === wanted);
  return last.map((segment, i) => ({
    ...segment,
    milliseconds: Math.min(...alike.map((step) => step[i]!.milliseconds)),
  }));
}

/** Calls and time by label, the longest first. */
export function byLabel(step: readonly Segment[]): Line[] {
  const lines = new Map<string, Line>();
  for (const { label, kind, milliseconds } of step) {
    const { calls, milliseconds: sofar } = lines.get(label) ?? { calls: 0, milliseconds: 0 };
    lines.set(label, { label, kind, calls: calls + 1, milliseconds: sofar + milliseconds });
  }
  return [...lines.values()].sort((a, b) => b.milliseconds - a.milliseconds);
}

/** The profile as text: a line per operation, then totals. */
export function report(lines: readonly Line[]): string {
  const total = lines.reduce((sum, line) => sum + line.milliseconds, 0);
  const row = (label: string, calls: number | string, ms: number): string => {
    const share = ((100 * ms) / total).toFixed(2);
    return `${label.padEnd(52)}${String(calls).padStart(7)}${ms.toFixed(2).padStart(11)}${share.padStart(9)}`;
  };
  const sum = (kind: Segment['kind']): string => {
    const of = lines.filter((line) => line.kind === kind);
    const calls = of.reduce((n, line) => n + line.calls, 0);
    return row(
      kindNames[kind],
      calls,
      of.reduce((n, line) => n + line.milliseconds, 0),
    );
  };
  return [
    `${'operation (kernel)'.padEnd(52)}${'calls'.padStart(7)}${'ms'.padStart(11)}${'%'.padStart(9)}`,
    ...lines
      .filter(({ kind }) => kind !== 'between')
      .map(({ label, kind, calls, milliseconds }) =>
        row(kind === 'plain' ? `PLAIN JAVASCRIPT ${label}` : label, calls, milliseconds),
      ),
    '',
    sum('wasm'),
    sum('plain'),
    sum('between'),
    row('step', '', total),
  ].join('\n');
}

const kindNames: Readonly<Record<Segment['kind'], string>> = {
  wasm: 'all wasm operations',
  plain: 'all plain JavaScript kernels',
  between: 'JavaScript between them',
};
