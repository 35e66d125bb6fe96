import {
  backend_util,
  type StridedSliceAttrs,
  slice_util,
  type TensorInfo,
  util,
} from '@tensorflow/tfjs-core';
import { cpuKernel, inputList, registerWasmKernel, type WasmKernel, type WasmKernelCall } from '../kernel.ts';
import { bytesPerElement, type HeapDType } from '../tensor-data.ts';
import { byteStrides, concat, isHeapDType, slice, stridedCopy, tile, transpose } from './copy.ts';
import { fillOutput } from './create.ts';

/** A kernel for float32, int32 and bool; other dtypes of the named input run on the cpu kernel. */
function register(
  name: string,
  input: string,
  kernel: (call: WasmKernelCall, x: TensorInfo) => ReturnType<WasmKernel>,
): void {
  const onCpu = cpuKernel(name);
  registerWasmKernel(name, (call) => {
    const x = call.inputs[input]!;
    return isHeapDType(x.dtype) ? kernel(call, x) : onCpu(call);
  });
}

function splitV({ attrs, backend }: WasmKernelCall, x: TensorInfo): TensorInfo[] {
  const { numOrSizeSplits, axis } = attrs as unknown as { numOrSizeSplits: number | number[]; axis: number };
  const at = util.parseAxisParam(axis, x.shape)[0]!;
  const begin = new Array<number>(x.shape.length).fill(0);
  return backend_util.prepareSplitSize(x as never, numOrSizeSplits, at).map((n) => {
    const size = x.shape.slice();
    size[at] = n;
    const part = slice(backend, x, begin, size);
    begin[at]! += n;
    return part;
  });
}

function unpack({ attrs, backend }: WasmKernelCall, x: TensorInfo): TensorInfo[] {
  const axis = util.parseAxisParam((attrs as unknown as { axis: number }).axis, x.shape)[0]!;
  const size = x.shape.slice();
  size[axis] = 1;
  const shape = x.shape.filter((_, d) => d !== axis);
  return Array.from({ length: x.shape[axis]! }, (_, i) => {
    const begin = x.shape.map((_, d) => (d === axis ? i : 0));
    return { ...slice(backend, x, begin, size), shape };
  });
}

function pad({ attrs, backend }: WasmKernelCall, x: TensorInfo): TensorInfo {
  const { paddings, constantValue } = attrs as unknown as {
    paddings: [number, number][];
    constantValue: number;
  };
  const dtype = x.dtype as HeapDType;
  const bytes = bytesPerElement(dtype);
  const shape = x.shape.map((n, d) => paddings[d]![0] + n + paddings[d]![1]);
  const out = backend.output(shape, dtype);
  fillOutput(backend, out, constantValue);
  if (util.sizeFromShape(x.shape) === 0) return out.info;
  const from = byteStrides(x.shape, bytes);
  const to = byteStrides(shape, bytes);
  const start = paddings.reduce((sum, [before], d) => sum + before * to[d]!, out.pointer);
  const dims = x.shape.map((n, d) => ({ size: n, from: from[d]!, to: to[d]! }));
  stridedCopy(backend, backend.pointer(x), start, dims, bytes);
  return out.info;
}

function reverse({ attrs, backend }: WasmKernelCall, x: TensorInfo): TensorInfo {
  const axes = util.parseAxisParam((attrs as unknown as { dims: number[] }).dims, x.shape);
  const bytes = bytesPerElement(x.dtype as HeapDType);
  const out = backend.output(x.shape, x.dtype as HeapDType);
  if (util.sizeFromShape(x.shape) === 0) return out.info;
  const strides = byteStrides(x.shape, bytes);
  let start = backend.pointer(x);
  const dims = x.shape.map((n, d) => {
    const turned = axes.includes(d);
    if (turned) start += (n - 1) * strides[d]!;
    return { size: n, from: turned ? -strides[d]! : strides[d]!, to: strides[d]! };
  });
  stridedCopy(backend, start, out.pointer, dims, bytes);
  return out.info;
}

/** Shapes that agree outside of the axis, one dtype on the heap. */
function concatKernel(call: WasmKernelCall, onCpu: WasmKernel): ReturnType<WasmKernel> {
  const all = inputList(call);
  const axis = util.parseAxisParam((call.attrs as unknown as { axis: number }).axis, all[0]!.shape)[0]!;
  backend_util.assertParamsConsistent(
    all.map((t) => t.shape),
    axis,
  );
  const tensors = all.filter((t) => util.sizeFromShape(t.shape) > 0);
  if (tensors.length === 0 || tensors.some((t) => !isHeapDType(t.dtype) || t.dtype !== all[0]!.dtype)) {
    return onCpu(call);
  }
  if (tensors.length === 1) return call.backend.alias(tensors[0]!, tensors[0]!.shape);
  return concat(call.backend, tensors, axis);
}

function pack(call: WasmKernelCall, onCpu: WasmKernel): ReturnType<WasmKernel> {
  const tensors = inputList(call);
  const first = tensors[0]!;
  if (tensors.some((t) => !isHeapDType(t.dtype) || t.dtype !== first.dtype)) return onCpu(call);
  for (const t of tensors)
    util.assertShapesMatch(first.shape, t.shape, 'All tensors passed to stack must have matching shapes');
  const wanted = (call.attrs as unknown as { axis: number }).axis;
  const axis = wanted < 0 ? wanted + first.shape.length + 1 : wanted;
  const shape = [...first.shape.slice(0, axis), 1, ...first.shape.slice(axis)];
  return concat(
    call.backend,
    tensors.map((t) => ({ ...t, shape })),
    axis,
  );
}

function stridedSlice(call: WasmKernelCall, x: TensorInfo, onCpu: WasmKernel): ReturnType<WasmKernel> {
  const attrs = call.attrs as unknown as StridedSliceAttrs;
  const info = slice_util.sliceInfo(
    x.shape,
    attrs.begin,
    attrs.end,
    attrs.strides,
    attrs.beginMask,
    attrs.endMask,
    attrs.ellipsisMask,
    attrs.newAxisMask,
    attrs.shrinkAxisMask,
  );
  if (!info.sliceDim0 && !info.isSimpleSlice) return onCpu(call);
  const size = slice_util.computeOutShape(info.begin, info.end, info.strides);
  return { ...slice(call.backend, x, info.begin, size), shape: info.finalShape };
}

export function registerMovement(): void {
  register('Slice', 'x', ({ attrs, backend }, x) => {
    const { begin, size } = attrs as unknown as { begin: number[]; size: number[] };
    const [from, count] = slice_util.parseSliceParams(x as never, begin, size);
    slice_util.assertParamsValid(x, from!, count!);
    return slice(backend, x, from!, count!);
  });
  register('SplitV', 'x', splitV);
  register('Unpack', 'value', unpack);
  register('PadV2', 'x', pad);
  register('Reverse', 'x', reverse);
  register('Tile', 'x', ({ attrs, backend }, x) =>
    tile(backend, x, (attrs as unknown as { reps: number[] }).reps),
  );
  register('Transpose', 'x', ({ attrs, backend }, x) =>
    transpose(backend, x, (attrs as unknown as { perm: number[] }).perm),
  );
  const stridedOnCpu = cpuKernel('StridedSlice');
  register('StridedSlice', 'x', (call, x) => stridedSlice(call, x, stridedOnCpu));
  const concatOnCpu = cpuKernel('Concat');
  registerWasmKernel('Concat', (call) => concatKernel(call, concatOnCpu));
  const packOnCpu = cpuKernel('Pack');
  registerWasmKernel('Pack', (call) => pack(call, packOnCpu));
}
