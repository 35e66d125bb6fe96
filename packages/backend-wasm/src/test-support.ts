// Running the same TensorFlow.js function on the cpu backend and on ours, for the tests of this folder.
import * as tf from '@tensorflow/tfjs-core';
import '@moect/kernels/tfjs-gradients';
import { MoectWasmBackend, WASM_BACKEND } from './backend.ts';
import { registerWasmBackend, type WasmBackendOptions } from './register.ts';

export type Numbers = Float32Array | Int32Array | Uint8Array;

/** Random numbers with the draws that fuzz tests need. */
export interface Draw {
  /** [0, 1) */
  next(): number;
  /** Integer in [low, high]. */
  int(low: number, high: number): number;
  pick<T>(items: readonly T[]): T;
  shape(minRank: number, maxRank: number, maxSize: number): number[];
}

/** Mulberry32. */
export function draws(seed: number): Draw {
  let state = seed;
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  const int = (low: number, high: number): number => low + Math.floor(next() * (high - low + 1));
  return {
    next,
    int,
    pick: (items) => items[int(0, items.length - 1)]!,
    shape: (minRank, maxRank, maxSize) =>
      Array.from({ length: int(minRank, maxRank) }, () => (next() < 0.15 ? 1 : int(1, maxSize))),
  };
}

export interface Input {
  readonly shape: readonly number[];
  readonly dtype: 'float32' | 'int32' | 'bool';
  readonly values: Numbers;
}

export function floats(draw: Draw, shape: readonly number[], scale = 1): Input {
  const size = tf.util.sizeFromShape(shape as number[]);
  const values = Float32Array.from(
    { length: size },
    () => (draw.next() + draw.next() + draw.next() - 1.5) * 2 * scale,
  );
  return { shape, dtype: 'float32', values };
}

export function ints(draw: Draw, shape: readonly number[], low: number, high: number): Input {
  const size = tf.util.sizeFromShape(shape as number[]);
  return { shape, dtype: 'int32', values: Int32Array.from({ length: size }, () => draw.int(low, high)) };
}

export function bools(draw: Draw, shape: readonly number[]): Input {
  const size = tf.util.sizeFromShape(shape as number[]);
  return { shape, dtype: 'bool', values: Uint8Array.from({ length: size }, () => draw.int(0, 1)) };
}

export interface FuzzCase {
  readonly name: string;
  readonly inputs: readonly Input[];
  readonly run: (...tensors: tf.Tensor[]) => tf.Tensor | tf.Tensor[];
  /** Largest difference allowed, relative to the largest magnitude of the result. */
  readonly tolerance: number;
}

interface Output {
  readonly shape: readonly number[];
  readonly dtype: string;
  readonly values: Numbers;
}

/** Starts our backend with the given options and makes it the active one. */
export async function startWasm(options: WasmBackendOptions = {}): Promise<MoectWasmBackend> {
  await registerWasmBackend(options);
  await tf.setBackend(WASM_BACKEND);
  const backend = tf.backend();
  if (!(backend instanceof MoectWasmBackend)) throw new Error('moect-wasm did not start');
  return backend;
}

/** Runs cases on the active backend. */
export function runCases(cases: readonly FuzzCase[]): Output[][] {
  return cases.map(({ name, inputs, run }) => {
    try {
      return tf.tidy(() => {
        const tensors = inputs.map((x) => tf.tensor(x.values.slice(), x.shape as number[], x.dtype));
        const results = run(...tensors);
        return (Array.isArray(results) ? results : [results]).map((t) => ({
          shape: t.shape,
          dtype: t.dtype,
          values: t.dataSync().slice() as Numbers,
        }));
      }) as unknown as Output[];
    } catch (error) {
      throw new Error(`${name}: ${(error as Error).message}`, { cause: error });
    }
  });
}

const SMALLEST_NORMAL = 2 ** -126;

/** Difference between two results; undefined where there is none. NaN equals NaN, infinities must agree. */
export function difference(a: Output, b: Output, tolerance: number): string | undefined {
  if (a.dtype !== b.dtype || a.shape.join() !== b.shape.join()) {
    return `${a.dtype} [${a.shape}] against ${b.dtype} [${b.shape}]`;
  }
  if (a.values.length !== b.values.length) return `${a.values.length} against ${b.values.length} values`;
  let scale = 0;
  for (const x of a.values) if (Number.isFinite(x)) scale = Math.max(scale, Math.abs(x));
  for (let i = 0; i < a.values.length; i++) {
    const [x, y] = [a.values[i]!, b.values[i]!];
    if (x === y || (Number.isNaN(x) && Number.isNaN(y))) continue;
    // subnormal results have no relative accuracy
    if (!(Math.abs(x - y) <= Math.max(tolerance * scale, SMALLEST_NORMAL)))
      return `element ${i}: ${x} against ${y}`;
  }
  return undefined;
}

/** Runs all cases on the cpu backend and on ours and lists the differences. */
export async function compareWithCpu(cases: readonly FuzzCase[]): Promise<string[]> {
  await tf.setBackend('cpu');
  (tf.backend() as unknown as { firstUse: boolean }).firstUse = false;
  const expected = runCases(cases);
  await tf.setBackend(WASM_BACKEND);
  const actual = runCases(cases);
  const found: string[] = [];
  for (const [i, { name, inputs, tolerance }] of cases.entries()) {
    if (expected[i]!.length !== actual[i]!.length) found.push(`${name}: number of outputs`);
    for (const [j, want] of expected[i]!.entries()) {
      const text = difference(want, actual[i]![j]!, tolerance);
      const shapes = inputs.map((x) => `[${x.shape}]`).join(' ');
      if (text !== undefined) found.push(`${name} ${shapes} output ${j}: ${text}`);
    }
  }
  return found;
}
