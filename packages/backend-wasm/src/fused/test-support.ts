// Runs one fused kernel on poisoned memory and in several chunks, for the tests of this folder.
import type { KernelSpec } from '@moect/kernels';
import { engine, setBackend, tensor } from '@tensorflow/tfjs-core';
import { expect } from 'vitest';
import { MoectWasmBackend, WASM_BACKEND } from '../backend.ts';
import { registerWasmBackend, type WasmBackendOptions } from '../register.ts';

export interface Values {
  readonly shape: readonly number[];
  readonly dtype: 'float32' | 'int32';
  readonly values: Float64Array;
}

/** Starts the backend; other options replace a running one, which must hold no tensors then. */
export async function startBackend(options: WasmBackendOptions = {}): Promise<MoectWasmBackend> {
  await registerWasmBackend(options);
  await setBackend(WASM_BACKEND);
  const { backend } = engine();
  if (!(backend instanceof MoectWasmBackend)) throw new Error('moect-wasm did not start');
  return backend;
}

/** Uniform numbers in [0, 1) (Mulberry32). */
export function uniform(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

export function count(shape: readonly number[]): number {
  return shape.reduce((a, b) => a * b, 1);
}

/** Approximately normal float32 numbers, held as float64. */
export function normal(shape: readonly number[], next: () => number, scale = 1): Values {
  const one = (): number => Math.fround((next() + next() + next() + next() - 2) * 1.7 * scale);
  return { shape, dtype: 'float32', values: Float64Array.from({ length: count(shape) }, one) };
}

export function floats(shape: readonly number[], values: ArrayLike<number>): Values {
  return { shape, dtype: 'float32', values: Float64Array.from(values, Math.fround) };
}

export function ints(shape: readonly number[], values: ArrayLike<number>): Values {
  return { shape, dtype: 'int32', values: Float64Array.from(values) };
}

/** Random integers in low … limit-1. */
export function randomInts(shape: readonly number[], next: () => number, low: number, limit: number): Values {
  return ints(
    shape,
    Array.from({ length: count(shape) }, () => low + Math.floor(next() * (limit - low))),
  );
}

/** Fills every block that is handed out with NaN, so that elements that a kernel does not write show. */
function poisoned<T>(backend: MoectWasmBackend, use: () => T): T {
  const { allocator } = backend.runtime;
  const plain = allocator.alloc;
  allocator.alloc = (bytes: number): number => {
    const pointer = plain.call(allocator, bytes);
    backend.runtime.i32().fill(0x7fc00000, pointer >>> 2, (pointer >>> 2) + ((bytes + 15) >> 2));
    return pointer;
  };
  try {
    return use();
  } finally {
    allocator.alloc = plain;
  }
}

function withChunks<T>(backend: MoectWasmBackend, chunks: number, use: () => T): T {
  const { runtime } = backend;
  const plain = runtime.chunks;
  runtime.chunks = (units: number): number => Math.max(1, Math.min(units, chunks));
  try {
    return use();
  } finally {
    runtime.chunks = plain;
  }
}

function runOnce(name: string, inputs: Record<string, Values>, attrs: Record<string, unknown>): Values[] {
  const tensors = Object.fromEntries(
    Object.entries(inputs).map(([key, v]) => [
      key,
      tensor(
        v.dtype === 'int32' ? Int32Array.from(v.values) : Float32Array.from(v.values),
        [...v.shape],
        v.dtype,
      ),
    ]),
  );
  type Run = (name: string, inputs: object, attrs: object) => unknown;
  const run = engine().runKernel.bind(engine()) as unknown as Run;
  try {
    const result = run(name, tensors, attrs);
    const outputs = (Array.isArray(result) ? result : [result]) as ReturnType<typeof tensor>[];
    const read = outputs.map((t) => ({
      shape: t.shape,
      dtype: t.dtype as Values['dtype'],
      values: Float64Array.from(t.dataSync()),
    }));
    for (const t of outputs) t.dispose();
    return read;
  } finally {
    for (const t of Object.values(tensors)) t.dispose();
  }
}

/**
 * Runs a kernel on poisoned memory, cut into 1, 3 and 16 chunks: the bits must agree, and nothing may leak.
 */
export function runKernel(
  { name }: KernelSpec,
  inputs: Record<string, Values>,
  attrs: Record<string, unknown> = {},
): Values[] {
  const backend = engine().backend as MoectWasmBackend;
  const before = [engine().memory().numTensors, backend.runtime.allocator.liveBytes];
  const [first, ...others] = [1, 3, 16].map((chunks) =>
    poisoned(backend, () => withChunks(backend, chunks, () => runOnce(name, inputs, attrs))),
  );
  for (const other of others) {
    expect(other.length).toBe(first!.length);
    for (const [i, output] of other.entries()) expectSame(name, output, first![i]!);
  }
  expect([engine().memory().numTensors, backend.runtime.allocator.liveBytes], `${name} leaks`).toEqual(
    before,
  );
  return first!;
}

// toEqual takes a second for a million numbers
function expectSame(name: string, actual: Values, expected: Values): void {
  expect([actual.shape, actual.dtype]).toEqual([expected.shape, expected.dtype]);
  const at = actual.values.findIndex((value, i) => !Object.is(value, expected.values[i]));
  if (at >= 0) expect.fail(`${name}: element ${at} depends on the number of chunks`);
}

/** |actual - expected| <= absolute + relative |expected|; NaN and infinities must be the same. */
export function expectClose(
  actual: Values | undefined,
  expected: ArrayLike<number>,
  absolute: number,
  relative: number = absolute,
): void {
  expect(actual?.values.length).toBe(expected.length);
  for (let i = 0; i < expected.length; i++) {
    const [a, e] = [actual!.values[i]!, expected[i]!];
    if (Object.is(a, e) || a === e) continue;
    if (Math.abs(a - e) <= absolute + relative * Math.abs(e)) continue;
    expect.fail(`element ${i} of [${actual!.shape}]: ${a}, expected ${e} (off by ${Math.abs(a - e)})`);
  }
}

/** Central differences of a float64 function: d f / d x[i] for every i. */
export function differences(x: Float64Array, f: (x: Float64Array) => number, h: number = 1e-5): Float64Array {
  const moved = x.slice();
  return x.map((value, i) => {
    moved[i] = value + h;
    const up = f(moved);
    moved[i] = value - h;
    const down = f(moved);
    moved[i] = value;
    return (up - down) / (2 * h);
  });
}

/** Sum of a[i] b[i]. */
export function inner(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}
