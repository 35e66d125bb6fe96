import { type TensorInfo, util } from '@tensorflow/tfjs-core';
import type { MoectWasmBackend } from '../backend.ts';
import { OP } from '../generated/wasm-ops.ts';
import { bytesPerElement, type HeapDType } from '../tensor-data.ts';

/** A dimension of a strided copy; strides in bytes. */
export interface CopyDim {
  readonly size: number;
  readonly from: number;
  readonly to: number;
}

/** Whether the values of this dtype live on the heap. */
export function isHeapDType(dtype: string): dtype is HeapDType {
  return dtype === 'float32' || dtype === 'int32' || dtype === 'bool';
}

/** Byte strides of a dense tensor. */
export function byteStrides(shape: readonly number[], elementBytes: number): number[] {
  const strides = new Array<number>(shape.length);
  let stride = elementBytes;
  for (let d = shape.length - 1; d >= 0; d--) {
    strides[d] = stride;
    stride *= shape[d]!;
  }
  return strides;
}

/** Merges neighbouring dimensions and takes the innermost as one piece where it is contiguous on both sides. */
export function collapse(
  dims: readonly CopyDim[],
  elementBytes: number,
): { rowBytes: number; dims: CopyDim[] } {
  const merged: CopyDim[] = [];
  for (const dim of dims) {
    if (dim.size === 1) continue;
    const last = merged[merged.length - 1];
    if (last !== undefined && last.from === dim.from * dim.size && last.to === dim.to * dim.size) {
      merged[merged.length - 1] = { size: last.size * dim.size, from: dim.from, to: dim.to };
    } else {
      merged.push(dim);
    }
  }
  const inner = merged[merged.length - 1];
  if (inner !== undefined && inner.from === elementBytes && inner.to === elementBytes) {
    merged.pop();
    return { rowBytes: inner.size * elementBytes, dims: merged };
  }
  return { rowBytes: elementBytes, dims: merged };
}

/** Copies elements of `elementBytes` bytes along `dims` (outermost first). */
export function stridedCopy(
  backend: MoectWasmBackend,
  from: number,
  to: number,
  dims: readonly CopyDim[],
  elementBytes: number,
): void {
  const { rowBytes, dims: outer } = collapse(dims, elementBytes);
  if (outer.length === 0) outer.push({ size: 1, from: 0, to: 0 });
  const rows = outer.reduce((n, dim) => n * dim.size, 1);
  if (rows === 0 || rowBytes === 0) return;
  const args = [from, to, rowBytes, rows, outer.length];
  for (const dim of outer) args.push(dim.size, dim.from, dim.to);
  backend.runtime.dispatch(OP.COPY, args, backend.runtime.chunks(rows, 2 + (rowBytes >> 2)));
}

/** A part of a tensor: `size` elements of every dimension from `begin` on. */
export function slice(
  backend: MoectWasmBackend,
  x: TensorInfo,
  begin: readonly number[],
  size: readonly number[],
): TensorInfo {
  const bytes = bytesPerElement(x.dtype as HeapDType);
  const out = backend.output([...size], x.dtype as HeapDType);
  if (util.sizeFromShape(out.info.shape) === 0) return out.info;
  const from = byteStrides(x.shape, bytes);
  const to = byteStrides(size, bytes);
  const start = begin.reduce((sum, b, d) => sum + b * from[d]!, backend.pointer(x));
  const dims = size.map((n, d) => ({ size: n, from: from[d]!, to: to[d]! }));
  stridedCopy(backend, start, out.pointer, dims, bytes);
  return out.info;
}

/** `reps[d]` copies of a tensor along every dimension. */
export function tile(backend: MoectWasmBackend, x: TensorInfo, reps: readonly number[]): TensorInfo {
  if (reps.every((n) => n === 1)) return backend.alias(x, x.shape);
  const bytes = bytesPerElement(x.dtype as HeapDType);
  const shape = x.shape.map((n, d) => n * reps[d]!);
  const out = backend.output(shape, x.dtype as HeapDType);
  if (util.sizeFromShape(shape) === 0) return out.info;
  const from = byteStrides(x.shape, bytes);
  const to = byteStrides(shape, bytes);
  const dims = x.shape.flatMap((n, d) => [
    { size: reps[d]!, from: 0, to: to[d]! * n },
    { size: n, from: from[d]!, to: to[d]! },
  ]);
  stridedCopy(backend, backend.pointer(x), out.pointer, dims, bytes);
  return out.info;
}

/** Joins tensors along an axis. */
export function concat(backend: MoectWasmBackend, tensors: readonly TensorInfo[], axis: number): TensorInfo {
  const first = tensors[0]!;
  const bytes = bytesPerElement(first.dtype as HeapDType);
  const shape = first.shape.slice();
  shape[axis] = tensors.reduce((n, t) => n + t.shape[axis]!, 0);
  const out = backend.output(shape, first.dtype as HeapDType);
  const to = byteStrides(shape, bytes);
  let start = out.pointer;
  for (const t of tensors) {
    const from = byteStrides(t.shape, bytes);
    const dims = t.shape.map((n, d) => ({ size: n, from: from[d]!, to: to[d]! }));
    if (util.sizeFromShape(t.shape) > 0) stridedCopy(backend, backend.pointer(t), start, dims, bytes);
    start += t.shape[axis]! * to[axis]!;
  }
  return out.info;
}

/** The axes of a tensor in another order: out dimension d is dimension perm[d] of x. */
export function transpose(backend: MoectWasmBackend, x: TensorInfo, perm: readonly number[]): TensorInfo {
  const bytes = bytesPerElement(x.dtype as HeapDType);
  const shape = perm.map((d) => x.shape[d]!);
  // dimensions of size 1 do not count: when the others keep their order, nothing moves
  const order = perm.filter((d) => x.shape[d] !== 1);
  if (order.every((d, i) => i === 0 || order[i - 1]! < d)) return backend.alias(x, shape);
  const out = backend.output(shape, x.dtype as HeapDType);
  if (util.sizeFromShape(shape) === 0) return out.info;
  const from = byteStrides(x.shape, bytes);
  const to = byteStrides(shape, bytes);
  const dims = perm.map((source, d) => ({ size: shape[d]!, from: from[source]!, to: to[d]! }));
  const pointer = backend.pointer(x);
  if (bytes !== 4 || !transposeMatrices(backend, pointer, out.pointer, dims)) {
    stridedCopy(backend, pointer, out.pointer, dims, bytes);
  }
  return out.info;
}

/** Transposes matrices in 4x4 tiles if the innermost dimension of the input moves, else returns false. */
function transposeMatrices(
  backend: MoectWasmBackend,
  from: number,
  to: number,
  dims: readonly CopyDim[],
): boolean {
  const { rowBytes, dims: merged } = collapse(dims, 4);
  const p = merged.find((dim) => dim.from === 4);
  const q = merged.find((dim) => dim.to === 4);
  if (rowBytes !== 4 || p === undefined || q === undefined || p === q) return false;
  const outer = merged.filter((dim) => dim !== p && dim !== q);
  const count = outer.reduce((n, dim) => n * dim.size, 1);
  const args = [from, to, p.size, q.size, p.to, q.from, count, outer.length];
  for (const dim of outer) args.push(dim.size, dim.from, dim.to);
  const units = count * ((q.size + 15) >> 4);
  backend.runtime.dispatch(OP.TRANSPOSE, args, backend.runtime.chunks(units, p.size * 16));
  return true;
}
