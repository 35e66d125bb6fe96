import { sizeOf } from '@moect/kernels';
import { backend_util, getKernel, type TensorInfo, util } from '@tensorflow/tfjs-core';
import type { MoectWebgpuBackend } from '../backend.ts';
import { registerWebgpuKernel, type WebgpuKernel, type WebgpuKernelCall } from '../kernel.ts';
import { copyElements, output, type Program } from '../program.ts';
import { bindable, fits } from '../tensor-part.ts';
import { runRows } from './rows.ts';
import { eachElement, FLAT_LANES, flatGroups } from './snippets.ts';

const programs = new Map<string, Program>();

/** Splits a matrix of `p.width` columns by columns into `count` matrices, or concatenates them. */
function programOf(count: number, isSplit: boolean): Program {
  const name = `${isSplit ? 'split' : 'concat'} ${count}`;
  const known = programs.get(name);
  if (known !== undefined) return known;
  const numbers = Array.from({ length: count }, (_, i) => i);
  const parts = Object.fromEntries(numbers.map((i) => [`part${i}`, 'f32' as const]));
  const whole = { whole: 'f32' } as const;
  const copy = (i: number): string => {
    const begin = i === 0 ? '0' : `p.end${i - 1}`;
    const place = `part${i}[i / p.width * (p.end${i} - ${begin}) + column - ${begin}]`;
    return `if (column < p.end${i}) { ${isSplit ? `${place} = whole[i];` : `whole[i] = ${place};`} }`;
  };
  const program: Program = {
    name,
    reads: isSplit ? whole : parts,
    writes: isSplit ? parts : whole,
    params: {
      size: 'i32',
      width: 'i32',
      ...Object.fromEntries(numbers.map((i) => [`end${i}`, 'i32' as const])),
    },
    lanes: FLAT_LANES,
    body: eachElement('p.size', `let column = i % p.width; ${numbers.map(copy).join(' else ')}`),
  };
  programs.set(name, program);
  return program;
}

/** True if one dispatch can bind these parts. */
function fitsOne(backend: MoectWebgpuBackend, parts: readonly TensorInfo[]): boolean {
  const { maxStorageBuffersPerShaderStage } = backend.device.limits;
  const isPlain = parts.every(({ dtype, shape }) => dtype === 'float32' && sizeOf(shape) > 0);
  return isPlain && parts.length > 1 && parts.length < maxStorageBuffersPerShaderStage;
}

/** True for a tensor that is larger than a binding and whose parts lie one after another in it. */
const isLargeRow = ({ limits }: MoectWebgpuBackend, shape: readonly number[], axis: number): boolean =>
  sizeOf(shape) > bindable(limits) && sizeOf(shape.slice(0, axis)) === 1;

/** Copies parts that lie one after another in `whole`. */
function copyPieces(
  backend: MoectWebgpuBackend,
  whole: TensorInfo,
  parts: readonly TensorInfo[],
  isSplit: boolean,
): void {
  let at = 0;
  for (const part of parts) {
    const [place, piece] = [
      { tensor: whole, at },
      { tensor: part, at: 0 },
    ];
    const size = sizeOf(part.shape);
    if (isSplit) copyElements(backend, place, piece, size);
    else copyElements(backend, piece, place, size);
    at += size;
  }
}

function copyParts(
  backend: MoectWebgpuBackend,
  whole: TensorInfo,
  parts: readonly TensorInfo[],
  axis: number,
  isSplit: boolean,
): void {
  const inner = sizeOf(whole.shape.slice(axis + 1));
  const widths = parts.map(({ shape }) => shape[axis]! * inner);
  const ends = widths.map((_, i) => widths.slice(0, i + 1).reduce((a, b) => a + b));
  const tensors = { whole, ...Object.fromEntries(parts.map((part, i) => [`part${i}`, part])) };
  const named = Object.fromEntries(ends.map((end, i) => [`end${i}`, end]));
  const width = ends.at(-1)!;
  runRows(backend, {
    program: programOf(parts.length, isSplit),
    rows: sizeOf(whole.shape.slice(0, axis)),
    tensors,
    groups: (rows) => flatGroups(rows * width),
    params: (rows) => ({ size: rows * width, width, ...named }),
  });
}

function split(call: WebgpuKernelCall, stock: WebgpuKernel): TensorInfo | TensorInfo[] {
  const { backend, inputs, attrs } = call;
  const x = inputs['x']!;
  const [axis] = util.parseAxisParam(attrs['axis'] as number, x.shape) as [number];
  const sizes = backend_util.prepareSplitSize(x as never, attrs['numOrSizeSplits'] as number[], axis);
  const shapes = sizes.map((size) => x.shape.map((given, i) => (i === axis ? size : given)));
  const planned = shapes.map((shape) => ({ dataId: x.dataId, dtype: x.dtype, shape }));
  const isRow = isLargeRow(backend, x.shape, axis);
  if (!isRow && !fitsOne(backend, planned)) return stock(call);
  const parts = shapes.map((shape) => output(backend, shape, x.dtype));
  if (isRow) copyPieces(backend, x, parts, true);
  else copyParts(backend, x, parts, axis, true);
  return parts;
}

function concat(call: WebgpuKernelCall, stock: WebgpuKernel): TensorInfo | TensorInfo[] {
  const { backend, attrs } = call;
  const parts = Object.values(call.inputs) as TensorInfo[];
  const [axis] = util.parseAxisParam(attrs['axis'] as number, parts[0]!.shape) as [number];
  const shape = backend_util.computeOutShape(
    parts.map((part) => part.shape),
    axis,
  );
  const isOnHost = backend.shouldExecuteOnCPU(parts);
  const isRow = isLargeRow(backend, shape, axis);
  if (isOnHost || !(isRow || fitsOne(backend, parts))) return stock(call);
  const whole = output(backend, shape, parts[0]!.dtype);
  if (isRow) copyPieces(backend, whole, parts, false);
  else copyParts(backend, whole, parts, axis, false);
  return whole;
}

/** Stacks tensors of one shape along a new dimension: by concatenation if the result exceeds a binding. */
function pack(call: WebgpuKernelCall, stock: WebgpuKernel): TensorInfo | TensorInfo[] {
  const { backend, attrs } = call;
  const parts = Object.values(call.inputs) as TensorInfo[];
  const { shape } = parts[0]!;
  if (parts.length * sizeOf(shape) <= bindable(backend.limits)) return stock(call);
  const axis = attrs['axis'] as number;
  const inputs = parts.map((part) => ({
    ...part,
    shape: [...shape.slice(0, axis), 1, ...shape.slice(axis)],
  }));
  const join = getKernel('Concat', 'webgpu').kernelFunc as unknown as WebgpuKernel;
  return join({ backend, attrs: { axis }, inputs: inputs as unknown as WebgpuKernelCall['inputs'] });
}

/** Reverses `pack`: splits a tensor that exceeds a binding. */
function unpack(call: WebgpuKernelCall, stock: WebgpuKernel): TensorInfo | TensorInfo[] {
  const { backend, attrs } = call;
  const x = call.inputs['value']!;
  if (fits(backend.limits, x)) return stock(call);
  const axis = util.parseAxisParam(attrs['axis'] as number, x.shape)[0]!;
  const cut = getKernel('SplitV', 'webgpu').kernelFunc as unknown as WebgpuKernel;
  const numOrSizeSplits = Array<number>(x.shape[axis]!).fill(1);
  const parts = cut({ backend, attrs: { axis, numOrSizeSplits }, inputs: { x } }) as TensorInfo[];
  return parts.map((part) => ({ ...part, shape: part.shape.filter((_, i) => i !== axis) }));
}

/** Splits and concatenates tensors along a dimension in one dispatch; TensorFlow.js has one for each part. */
export function registerSplitConcat(): void {
  for (const [name, kernel] of [
    ['SplitV', split],
    ['Concat', concat],
    ['Pack', pack],
    ['Unpack', unpack],
  ] as const) {
    const stock = getKernel(name, 'webgpu').kernelFunc as unknown as WebgpuKernel;
    registerWebgpuKernel(name, (call) => kernel(call, stock));
  }
}
