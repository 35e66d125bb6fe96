import { sizeOf } from '@moect/kernels';
import { getKernel, slice_util, type TensorInfo } from '@tensorflow/tfjs-core';
import type { MoectWebgpuBackend } from '../backend.ts';
import { registerWebgpuKernel, type WebgpuKernel, type WebgpuKernelCall } from '../kernel.ts';
import { copyElements, output } from '../program.ts';
import { fits } from '../tensor-part.ts';
import { ZEROS } from './elementwise.ts';
import { runFlat } from './flat.ts';
import { copyMatrix } from './large-product.ts';

/** `short` is entries first … first + count − 1 of an axis of `long`. */
interface Stretch {
  readonly long: TensorInfo;
  readonly short: TensorInfo;
  readonly axis: number;
  readonly first: number;
}

/** Copies a stretch out of `long`, or into it. */
function copyStretch(backend: MoectWebgpuBackend, stretch: Stretch, isOut: boolean): void {
  const { long, short, axis, first } = stretch;
  const inner = sizeOf(long.shape.slice(axis + 1));
  const [rows, columns] = [sizeOf(long.shape.slice(0, axis)), short.shape[axis]! * inner];
  const [at, stride] = [first * inner, long.shape[axis]! * inner];
  if (rows === 1) {
    const [from, to] = [
      { tensor: long, at },
      { tensor: short, at: 0 },
    ];
    copyElements(backend, ...(isOut ? ([from, to] as const) : ([to, from] as const)), columns);
    return;
  }
  const [inLong, inShort] = [
    { matrix: long, at, stride },
    { matrix: short, at: 0, stride: columns },
  ];
  copyMatrix(backend, ...(isOut ? ([inLong, inShort] as const) : ([inShort, inLong] as const)), [
    rows,
    columns,
  ]);
}

/** Applies `next` axis by axis, and disposes the tensors between. */
function byAxis(
  backend: MoectWebgpuBackend,
  x: TensorInfo,
  axes: readonly number[],
  next: (given: TensorInfo, axis: number) => TensorInfo,
): TensorInfo {
  return axes.reduce((given, axis) => {
    const made = next(given, axis);
    if (given !== x) backend.disposeData(given.dataId);
    return made;
  }, x);
}

const withSize = (shape: readonly number[], axis: number, size: number): number[] =>
  shape.map((given, i) => (i === axis ? size : given));

function slice(call: WebgpuKernelCall, stock: WebgpuKernel): TensorInfo | TensorInfo[] {
  const { backend, inputs, attrs } = call;
  const x = inputs['x']!;
  const given = [attrs['begin'] as number[], attrs['size'] as number[]] as const;
  const [begin, sizes] = slice_util.parseSliceParams(x as never, ...given) as [number[], number[]];
  const axes = [...sizes.keys()].filter((axis) => sizes[axis] !== x.shape[axis]);
  if (fits(backend.limits, x) || axes.length === 0 || x.dtype !== 'float32') return stock(call);
  return byAxis(backend, x, axes, (long, axis) => {
    const short = output(backend, withSize(long.shape, axis, sizes[axis]!));
    copyStretch(backend, { long, short, axis, first: begin[axis]! }, true);
    return short;
  });
}

function pad(call: WebgpuKernelCall, stock: WebgpuKernel): TensorInfo | TensorInfo[] {
  const { backend, inputs, attrs } = call;
  const x = inputs['x']!;
  const paddings = attrs['paddings'] as [number, number][];
  const shape = x.shape.map((size, axis) => size + paddings[axis]![0] + paddings[axis]![1]);
  const axes = [...shape.keys()].filter((axis) => shape[axis] !== x.shape[axis]).reverse();
  const isPlain = x.dtype === 'float32' && attrs['constantValue'] === 0 && axes.length > 0;
  if (fits(backend.limits, { ...x, shape }) || !isPlain) return stock(call);
  return byAxis(backend, x, axes, (short, axis) => {
    const long = output(backend, withSize(short.shape, axis, shape[axis]!));
    runFlat(backend, ZEROS, sizeOf(long.shape), { y: long });
    copyStretch(backend, { long, short, axis, first: paddings[axis]![0] }, false);
    return long;
  });
}

/** Slices and zero padding of tensors that exceed a binding; TensorFlow.js's own kernels handle the rest. */
export function registerSlicePad(): void {
  for (const [name, kernel] of [
    ['Slice', slice],
    ['PadV2', pad],
  ] as const) {
    const stock = getKernel(name, 'webgpu').kernelFunc as unknown as WebgpuKernel;
    registerWebgpuKernel(name, (call) => kernel(call, stock));
  }
}
