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

/** Rows as a tensor [count, ...rest] of their own: TensorFlow.js's kernels bind whole tensors. */
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

/** Runs `use` on copies, which are gone when it comes back: what is recorded goes to the driver. */
function withCopies(
  backend: MoectWebgpuBackend,
  copies: readonly TensorInfo[],
  use: () => TensorInfo | TensorInfo[],
): TensorInfo {
  try {
    return use() as TensorInfo;
  } finally {
    for (const { dataId } of copies) backend.disposeData(dataId);
    // the kernel may have done so itself
    backend.ensureCommandEncoderReady();
    submit(backend);
  }
}

/** One tensor of what each range of rows gives for these rows. */
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

/** As many first dimensions as each of the shapes has in full, or not at all. */
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

/** Kernels that treat each element by itself, by rows that some of the inputs have and the others are the same for. */
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

/** Its inputs have one shape, but for a condition on rows. */
function select(call: WebgpuKernelCall, stock: WebgpuKernel): TensorInfo | TensorInfo[] {
  const [condition, t] = [call.inputs['condition']!, call.inputs['t']!];
  return condition.shape.length === t.shape.length ? elementwise(call, stock) : stock(call);
}

/** Repetitions: rows are those of the tensor, or a row is repeated. */
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

/** First dimensions that are all summed over, or all kept. */
function alikeDimensions(shape: readonly number[], axes: readonly number[]): number {
  const other = shape.findIndex((_, axis) => axes.includes(axis) !== axes.includes(0));
  return other < 0 ? shape.length : other;
}

function addInto(backend: MoectWebgpuBackend, total: TensorInfo, more: TensorInfo): TensorInfo {
  const add = getKernel('Add', 'webgpu').kernelFunc as unknown as WebgpuKernel;
  return withCopies(backend, [total, more], () => add({ backend, attrs: {}, inputs: { a: total, b: more } }));
}

/** Sums of parts; where rows are summed over, those of their parts are added up in order. */
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

/** Kernels of TensorFlow.js for what is done with activations besides layers: in parts where no binding holds a tensor. */
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
