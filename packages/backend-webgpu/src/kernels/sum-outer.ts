import { sizeOf } from '@moect/kernels';
import { getKernel, type TensorInfo, util } from '@tensorflow/tfjs-core';
import { registerWebgpuKernel, type WebgpuKernel, type WebgpuKernelCall } from '../kernel.ts';
import { output, type Program, runProgram } from '../program.ts';
import { bindable } from '../tensor-part.ts';
import { eachElement, FLAT_LANES, flatGroups } from './snippets.ts';

/** With more rows than this, several invocations for each sum are faster. */
const MAX_ROWS = 64;

const SUM_OUTER: Program = {
  name: 'sumOuter',
  reads: { x: 'f32' },
  writes: { y: 'f32' },
  params: { size: 'i32', rows: 'i32' },
  lanes: FLAT_LANES,
  body: eachElement(
    'p.size',
    `var sum = x[i];
     for (var row = 1; row < p.rows; row++) { sum += x[row * p.size + i]; }
     y[i] = sum;`,
  ),
};

/** Sums over the first dimensions, as for the gradient of a tensor added to each row; `stock` does the rest. */
function sumOuter(call: WebgpuKernelCall, stock: WebgpuKernel): TensorInfo | TensorInfo[] {
  const { backend, inputs, attrs } = call;
  const x = inputs['x']!;
  const axes = util.parseAxisParam(attrs['axis'] as number | number[], x.shape);
  const isOuter = axes.length > 0 && axes.length < x.shape.length && axes.every((axis) => axis < axes.length);
  const rows = sizeOf(x.shape.slice(0, axes.length));
  const isSmall = rows > 0 && rows <= MAX_ROWS && sizeOf(x.shape) <= bindable(backend.limits);
  if (!isOuter || !isSmall || x.dtype !== 'float32') return stock(call);
  const inner = x.shape.slice(axes.length);
  const y = output(backend, attrs['keepDims'] === true ? [...axes.map(() => 1), ...inner] : inner);
  const size = sizeOf(inner);
  runProgram(backend, SUM_OUTER, flatGroups(size), { x, y }, { size, rows });
  return y;
}

/** Replaces TensorFlow.js's sums for few rows, which transpose and use a workgroup for each sum. */
export function registerSumOuter(): void {
  const stock = getKernel('Sum', 'webgpu').kernelFunc as unknown as WebgpuKernel;
  registerWebgpuKernel('Sum', (call) => sumOuter(call, stock));
}
