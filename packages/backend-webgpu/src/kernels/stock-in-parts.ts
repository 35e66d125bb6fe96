import { sizeOf } from '@moect/kernels';
import { backend_util, getKernel, type TensorInfo, util } from '@tensorflow/tfjs-core';
import type { MoectWebgpuBackend } from '../backend.ts';
import { registerWebgpuKernel, type WebgpuKernel, type WebgpuKernelCall } from '../kernel.ts';
import { copyElements, output, submit } from '../program.ts';
import { bindable, type Range, ranges } from '../tensor-part.ts';

const UNARY = [
  ...['Abs', 'ClipByValue', 'Exp', 'Log', 'LogicalNot', 'Neg', 'Relu', 'Rsqrt', 'Sigmoid', 'Softplus'],
  ...['Sqrt', 'Square', 'Step', 'Tanh'],
];
const BINARY = [
  ...['Add', 'Sub', 'Multiply', 'RealDiv', 'Pow'],
  ...['Equal', 'Greater', 'GreaterEqual', 'Less', 'LessEqual', 'LogicalAnd'],
];

/** Copies rows to a tensor [count, ...rest] of their own: TensorFlow.js's kernels bind whole tensors. */
function copyRows(
  backend: MoectWebgpuBackend,
  tensor: TensorInfo,
  rest: readonly number[],
  { first, count }: Range,
): TensorInfo {
  const rows = output(backend, [count, ...rest], tensor.dtype);
  const width = sizeOf(rest);
  copyElements(backend, { tensor, at: first * width }, { tensor: rows, at: 0 }, count * width);
  return rows;
}

/** Runs `use` on copies, then disposes them and submits the recorded work. */
function withCopies(
  backend: MoectWebgpuBackend,
  copies: readonly TensorInfo[],
  use: () => TensorInfo | TensorInfo[],
): TensorInfo {
  try {
    return use() as TensorInfo;
  } finally {
    for (const { dataId } of copies) backend.disposeData(dataId);
    // the kernel may have submitted already
    backend.ensureCommandEncoderReady();
    submit(backend);
  }
}

/** Joins the results of all ranges of rows into one tensor. */
function joinRows(
  backend: MoectWebgpuBackend,
  shape: readonly number[],
  parts: readonly Range[],
  resultOf: (range: Range) => TensorInfo,
): TensorInfo {
  let whole: TensorInfo | undefined;
  for (const range of parts) {
    const result = resultOf(range);
    whole ??= output(backend, shape, result.dtype);
    const size = sizeOf(result.shape);
    const at = (range.first * size) / range.count;
    copyElements(backend, { tensor: result, at: 0 }, { tensor: whole, at }, size);
    backend.disposeData(result.dataId);
  }
  return whole!;
}

/** Number of leading dimensions in which each of the shapes either equals `whole` or is all 1. */
function sharedDimensions(shapes: readonly (readonly number[])[], whole: readonly number[]): number {
  const isShared = (count: number): boolean =>
    shapes.every((shape) => {
      const first = shape.slice(0, count);
      return first.every((size) => size === 1) || first.every((size, i) => size === whole[i]);
    });
  let count = whole.length;
  while (!isShared(count)) count--;
  return count;
}

/** Runs an elementwise kernel by rows; each input either has these rows or broadcasts over them. */
function elementwise(call: WebgpuKernelCall, stock: WebgpuKernel): TensorInfo | TensorInfo[] {
  const { backend } = call;
  const inputs = Object.entries(call.inputs) as [string, TensorInfo][];
  const whole = inputs
    .map(([, { shape }]) => shape)
    .reduce((a, b) => backend_util.assertAndGetBroadcastShape(a, b));
  const most = bindable(backend.limits);
  if (sizeOf(whole) <= most) return stock(call);
  const shapes = inputs.map(([, { shape }]) => [
    ...Array<number>(whole.length - shape.length).fill(1),
    ...shape,
  ]);
  const dimensions = sharedDimensions(shapes, whole);
  const [rows, width] = [sizeOf(whole.slice(0, dimensions)), sizeOf(whole.slice(dimensions))];
  if (width > most) return stock(call);
  return joinRows(backend, whole, ranges(rows, most / width), (range) => {
    const copies: TensorInfo[] = [];
    const parts = inputs.map(([name, tensor], i) => {
      const rest = shapes[i]!.slice(dimensions);
      if (sizeOf(tensor.shape) === sizeOf(rest)) return [name, { ...tensor, shape: [1, ...rest] }];
      const part = copyRows(backend, tensor, rest, range);
      copies.push(part);
      return [name, part];
    });
    return withCopies(backend, copies, () => stock({ ...call, inputs: Object.fromEntries(parts) }));
  });
}

/** Runs `elementwise` if all inputs have one shape; a condition on rows is left to `stock`. */
function select(call: WebgpuKernelCall, stock: WebgpuKernel): TensorInfo | TensorInfo[] {
  const [condition, t] = [call.inputs['condition']!, call.inputs['t']!];
  return condition.shape.length === t.shape.length ? elementwise(call, stock) : stock(call);
}

/** Repeats a tensor by rows, which are either those of the tensor or copies of one row. */
function tile(call: WebgpuKernelCall, stock: WebgpuKernel): TensorInfo | TensorInfo[] {
  const { backend } = call;
  const x = call.inputs['x']!;
  const reps = call.attrs['reps'] as number[];
  const whole = x.shape.map((size, axis) => size * reps[axis]!);
  const most = bindable(backend.limits);
  if (sizeOf(whole) <= most) return stock(call);
  const leading = (sizes: readonly number[]): number => {
    const other = sizes.findIndex((size) => size !== 1);
    return other < 0 ? sizes.length : other;
  };
  const isRepeated = leading(x.shape) > leading(reps);
  const dimensions = leading(isRepeated ? x.shape : reps);
  const width = sizeOf(whole.slice(dimensions));
  if (width > most) return stock(call);
  const [rest, restReps] = [x.shape.slice(dimensions), reps.slice(dimensions)];
  const parts = ranges(sizeOf(whole.slice(0, dimensions)), most / width);
  return joinRows(backend, whole, parts, (range) => {
    const part = isRepeated ? { ...x, shape: [1, ...rest] } : copyRows(backend, x, rest, range);
    const attrs = { reps: [isRepeated ? range.count : 1, ...restReps] };
    return withCopies(backend, isRepeated ? [] : [part], () =>
      stock({ ...call, inputs: { x: part }, attrs }),
    );
  });
}

/** Number of leading dimensions that are all summed over, or all kept. */
function alikeDimensions(shape: readonly number[], axes: readonly number[]): number {
  const other = shape.findIndex((_, axis) => axes.includes(axis) !== axes.includes(0));
  return other < 0 ? shape.length : other;
}

function addInto(backend: MoectWebgpuBackend, total: TensorInfo, more: TensorInfo): TensorInfo {
  const add = getKernel('Add', 'webgpu').kernelFunc as unknown as WebgpuKernel;
  return withCopies(backend, [total, more], () => add({ backend, attrs: {}, inputs: { a: total, b: more } }));
}

/** Sums in parts; if rows are summed over, the sums of their parts are added up in order. */
function sum(call: WebgpuKernelCall, stock: WebgpuKernel): TensorInfo | TensorInfo[] {
  const { backend, inputs, attrs } = call;
  const x = inputs['x']!;
  const axes = util.parseAxisParam(attrs['axis'] as number | number[], x.shape);
  const dimensions = alikeDimensions(x.shape, axes);
  const rest = x.shape.slice(dimensions);
  const [width, most] = [sizeOf(rest), bindable(backend.limits)];
  if (sizeOf(x.shape) <= most || width > most) return stock(call);
  const axis = axes.filter((given) => given >= dimensions).map((given) => given - dimensions + 1);
  if (axes.includes(0)) axis.unshift(0);
  const sumOf = (range: Range): TensorInfo => {
    const part = copyRows(backend, x, rest, range);
    return withCopies(backend, [part], () =>
      stock({ ...call, inputs: { x: part }, attrs: { axis, keepDims: false } }),
    );
  };
  const [kept] = backend_util.computeOutAndReduceShapes(x.shape, axes);
  const shape = attrs['keepDims'] === true ? backend_util.expandShapeToKeepDim(kept, axes) : kept;
  const parts = ranges(sizeOf(x.shape.slice(0, dimensions)), most / width);
  if (!axes.includes(0)) return joinRows(backend, shape, parts, sumOf);
  return { ...parts.map(sumOf).reduce((a, b) => addInto(backend, a, b)), shape };
}

type Wrapper = (call: WebgpuKernelCall, stock: WebgpuKernel) => TensorInfo | TensorInfo[];

/** Runs TensorFlow.js's kernels for activations outside layers in parts if a tensor exceeds a binding. */
export function registerStockInParts(): void {
  const wrap = (name: string, wrapper: Wrapper): void => {
    const stock = getKernel(name, 'webgpu').kernelFunc as unknown as WebgpuKernel;
    registerWebgpuKernel(name, (call) => wrapper(call, stock));
  };
  for (const name of [...UNARY, ...BINARY]) wrap(name, elementwise);
  wrap('Select', select);
  wrap('Tile', tile);
  wrap('Sum', sum);
}
