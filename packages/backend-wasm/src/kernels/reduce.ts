import { type TensorInfo, util } from '@tensorflow/tfjs-core';
import type { MoectWasmBackend } from '../backend.ts';
import { OP } from '../generated/wasm-ops.ts';
import { cpuKernel, registerWasmKernel } from '../kernel.ts';
import { floatBits } from '../layout.ts';
import { transpose } from './copy.ts';

export const REDUCE = { sum: 0, max: 1, min: 2, prod: 3 } as const;

/** A single row longer than this is first reduced in parts, which threads can share. */
const PART = 16384;

/** Sizes of a reduction over neighbouring axes: x as [outer, n, inner], or undefined where the axes are apart. */
export function reduceSizes(
  shape: readonly number[],
  axes: readonly number[],
): { outer: number; n: number; inner: number } | undefined {
  const sizes = { outer: 1, n: 1, inner: 1 };
  let stage = 0;
  for (const [d, size] of shape.entries()) {
    if (size === 1) continue;
    const reduced = axes.includes(d);
    if (stage === 0 && reduced) stage = 1;
    else if (stage === 1 && !reduced) stage = 2;
    else if (stage === 2 && reduced) return undefined;
    if (stage === 0) sizes.outer *= size;
    else if (stage === 1) sizes.n *= size;
    else sizes.inner *= size;
  }
  return sizes;
}

function reduceRows(
  backend: MoectWasmBackend,
  x: number,
  out: number,
  rows: number,
  n: number,
  kind: number,
  scale: number,
): void {
  const { runtime } = backend;
  if (rows === 1 && n >= 2 * PART) {
    const parts = Math.floor(n / PART);
    const rest = n - parts * PART;
    const bytes = (parts + 1) * 4;
    const partial = backend.temporary(bytes);
    reduceRows(backend, x, partial, parts, PART, kind, 1);
    if (rest > 0) reduceRows(backend, x + parts * PART * 4, partial + parts * 4, 1, rest, kind, 1);
    reduceRows(backend, partial, out, 1, rest > 0 ? parts + 1 : parts, kind, scale);
    backend.releaseTemporary(partial, bytes);
    return;
  }
  runtime.dispatch(OP.REDUCE_ROWS, [x, out, rows, n, kind, floatBits(scale)], runtime.chunks(rows, n));
}

/** Reduces float32 values at `x` seen as [outer, n, inner] to [outer, inner]. */
function reduceInto(
  backend: MoectWasmBackend,
  x: number,
  out: number,
  sizes: { outer: number; n: number; inner: number },
  kind: number,
  scale: number,
): void {
  const { outer, n, inner } = sizes;
  if (inner === 1) {
    reduceRows(backend, x, out, outer, n, kind, scale);
    return;
  }
  const { runtime } = backend;
  const args = [x, out, outer, n, inner, kind, floatBits(scale)];
  runtime.dispatch(OP.REDUCE_COLUMNS, args, runtime.chunks(outer * ((inner + 15) >> 4), n * 16));
}

/** Reduces over any axes. `mean` divides a sum by the number of elements. */
export function reduce(
  backend: MoectWasmBackend,
  x: TensorInfo,
  axes: readonly number[],
  keepDims: boolean,
  kind: number,
  mean = false,
): TensorInfo {
  const kept = x.shape.filter((_, d) => !axes.includes(d));
  const shape = keepDims ? x.shape.map((n, d) => (axes.includes(d) ? 1 : n)) : kept;
  const out = backend.output(shape, 'float32');
  const count = axes.reduce((n, d) => n * x.shape[d]!, 1);
  const scale = mean ? 1 / count : 1;
  const sizes = reduceSizes(x.shape, axes);
  if (sizes !== undefined) {
    reduceInto(backend, backend.pointer(x), out.pointer, sizes, kind, scale);
    return out.info;
  }
  const order = [...x.shape.keys()].sort(
    (a, b) => Number(axes.includes(a)) - Number(axes.includes(b)) || a - b,
  );
  const moved = transpose(backend, x, order);
  const last = { outer: util.sizeFromShape(kept), n: count, inner: 1 };
  reduceInto(backend, backend.pointer(moved), out.pointer, last, kind, scale);
  backend.disposeIntermediateTensorInfo(moved);
  return out.info;
}

function registerReduction(name: string, axisKey: string, kind: number, mean = false): void {
  const onCpu = cpuKernel(name);
  registerWasmKernel(name, (call) => {
    const x = call.inputs['x']!;
    if (x.dtype !== 'float32' || util.sizeFromShape(x.shape) === 0) return onCpu(call);
    const attrs = call.attrs as unknown as Record<string, unknown>;
    const axes = util.parseAxisParam(attrs[axisKey] as number[], x.shape);
    return reduce(call.backend, x, axes, attrs['keepDims'] === true, kind, mean);
  });
}

function registerArgMax(): void {
  const onCpu = cpuKernel('ArgMax');
  registerWasmKernel('ArgMax', (call) => {
    const x = call.inputs['x']!;
    const axis = util.parseAxisParam((call.attrs as unknown as { axis: number }).axis, x.shape)[0]!;
    const size = util.sizeFromShape(x.shape);
    if (x.dtype !== 'float32' || size === 0 || axis !== x.shape.length - 1) return onCpu(call);
    const { backend } = call;
    const n = x.shape[axis]!;
    const out = backend.output(x.shape.slice(0, -1), 'int32');
    const args = [backend.pointer(x), out.pointer, size / n, n];
    backend.runtime.dispatch(OP.ARG_MAX, args, backend.runtime.chunks(size / n, n * 2));
    return out.info;
  });
}

function softmax(backend: MoectWasmBackend, logits: TensorInfo, log: boolean): TensorInfo {
  const n = logits.shape[logits.shape.length - 1]!;
  const size = util.sizeFromShape(logits.shape);
  const out = backend.output(logits.shape, 'float32');
  if (size === 0) return out.info;
  const args = [backend.pointer(logits), out.pointer, size / n, n, log ? 1 : 0];
  backend.runtime.dispatch(OP.SOFTMAX, args, backend.runtime.chunks(size / n, n * 8));
  return out.info;
}

function registerSoftmax(): void {
  const onCpu = cpuKernel('Softmax');
  registerWasmKernel('Softmax', (call) => {
    const logits = call.inputs['logits']!;
    const { dim } = call.attrs as unknown as { dim: number };
    const isLast = dim === -1 || dim === logits.shape.length - 1;
    if (logits.dtype !== 'float32' || !isLast || logits.shape.length === 0) return onCpu(call);
    return softmax(call.backend, logits, false);
  });
  registerWasmKernel('LogSoftmax', (call) => {
    const logits = call.inputs['logits']!;
    const { axis } = call.attrs as unknown as { axis: number };
    util.assert(
      logits.dtype === 'float32' && (axis === -1 || axis === logits.shape.length - 1),
      () => `LogSoftmax needs float32 and the last axis, got ${logits.dtype} and axis ${axis}.`,
    );
    return softmax(call.backend, logits, true);
  });
}

function registerCumsum(): void {
  const onCpu = cpuKernel('Cumsum');
  registerWasmKernel('Cumsum', (call) => {
    const x = call.inputs['x']!;
    const { axis, exclusive, reverse } = call.attrs as unknown as {
      axis: number;
      exclusive: boolean;
      reverse: boolean;
    };
    const size = util.sizeFromShape(x.shape);
    if (x.dtype !== 'float32' || size === 0 || x.shape.length === 0) return onCpu(call);
    const at = util.parseAxisParam(axis, x.shape)[0]!;
    const { backend } = call;
    const [outer, inner] = [x.shape.slice(0, at), x.shape.slice(at + 1)].map((s) => util.sizeFromShape(s));
    const out = backend.output(x.shape, 'float32');
    const args = [
      backend.pointer(x),
      out.pointer,
      outer!,
      x.shape[at]!,
      inner!,
      exclusive ? 1 : 0,
      reverse ? 1 : 0,
    ];
    backend.runtime.dispatch(OP.CUMSUM, args, backend.runtime.chunks(outer!, x.shape[at]! * inner! * 2));
    return out.info;
  });
}

function registerTopK(): void {
  const onCpu = cpuKernel('TopK');
  registerWasmKernel('TopK', (call) => {
    const x = call.inputs['x']!;
    const { k } = call.attrs as unknown as { k: number };
    const size = util.sizeFromShape(x.shape);
    if (x.dtype !== 'float32' || size === 0 || k === 0 || k > 128) return onCpu(call);
    const { backend } = call;
    const n = x.shape[x.shape.length - 1]!;
    const shape = [...x.shape.slice(0, -1), k];
    const values = backend.output(shape, 'float32');
    const indices = backend.output(shape, 'int32');
    const args = [backend.pointer(x), values.pointer, indices.pointer, size / n, n, k];
    backend.runtime.dispatch(OP.TOP_K_ROWS, args, backend.runtime.chunks(size / n, n * 4));
    return [values.info, indices.info];
  });
}

export function registerReduce(): void {
  registerReduction('Sum', 'axis', REDUCE.sum);
  registerReduction('Mean', 'axis', REDUCE.sum, true);
  registerReduction('Max', 'reductionIndices', REDUCE.max);
  registerReduction('Min', 'axis', REDUCE.min);
  registerReduction('Prod', 'axis', REDUCE.prod);
  registerArgMax();
  registerSoftmax();
  registerCumsum();
  registerTopK();
}
