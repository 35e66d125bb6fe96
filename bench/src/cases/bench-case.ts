import type { Ceiling, WebgpuUse } from '../report/report.ts';

/** A contender of one case: a module of src/contenders and its settings. */
export interface Entry {
  /** Name in the results: `moect-wasm-1t`, `torch-all`, … */
  readonly name: string;
  /** File in src/contenders. */
  readonly module: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Takes many seconds a step: left out by --quick. */
  readonly isSlow?: boolean;
}

export interface EntryResult {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  readonly runs: number;
  readonly check: number;
  readonly peakRssBytes: number;
  readonly wasmHeapBytes?: number;
  readonly webgpu?: WebgpuUse;
}

export type Results = Readonly<Record<string, EntryResult>>;

/** A requirement on the results. */
export interface Bar {
  readonly text: string;
  readonly atLeast?: number;
  readonly atMost?: number;
  /** Undefined where a contender is missing. */
  value(results: Results, ceiling: Ceiling | undefined): number | undefined;
}

export interface BenchCase {
  readonly name: string;
  readonly title: string;
  readonly unit: 'tokens/s' | 'bytes/s' | 'starts/s';
  /** Tokens, bytes or starts of one step. */
  readonly tokens: number;
  readonly entries: readonly Entry[];
  /** Floating-point operations a token that each entry's model needs; see docs/benchmarks.md. */
  readonly modelFlops?: Readonly<Record<string, number>>;
  /** Predicted time of `entry` as a share of `reference`'s. */
  readonly cost?: { readonly entry: string; readonly reference: string; readonly predicted: number };
  readonly bars: readonly Bar[];
}

type Quantity = (result: EntryResult) => number | undefined;

function quotient(results: Results, above: string, below: string, of: Quantity): number | undefined {
  const [a, b] = [results[above], results[below]].map((result) => result && of(result));
  return a === undefined || b === undefined ? undefined : a / b;
}

/** Requires `name` to be at least `atLeast` times as fast as `other`. */
export function speedRatio(name: string, other: string, atLeast: number): Bar {
  return {
    text: `${name} ÷ ${other}, speed`,
    atLeast,
    value: (results) => quotient(results, name, other, ({ median }) => median),
  };
}

/** Limits the step time of `name` as a share of `other`'s; both do the same number of tokens. */
export function timeRatio(name: string, other: string, atMost: number): Bar {
  return {
    text: `${name} ÷ ${other}, step time`,
    atMost,
    value: (results) => quotient(results, other, name, ({ median }) => median),
  };
}

/** Limits the seconds of one start, in a case whose unit is starts. */
export function startTime(name: string, atMost: number): Bar {
  return {
    text: `${name}, seconds from start to end`,
    atMost,
    value: (results) => results[name] && 1 / results[name].median,
  };
}

export function memoryRatio(name: string, other: string, atMost: number): Bar {
  return {
    text: `${name} ÷ ${other}, peak wasm memory`,
    atMost,
    value: (results) => quotient(results, name, other, (result) => result.wasmHeapBytes),
  };
}
