import { inputsOf, lastSize, numberAttr, sizeOf } from '@moect/kernels';
import type { TensorInfo } from '@tensorflow/tfjs-core';
import { registerWebgpuKernel, type WebgpuKernelCall } from '../kernel.ts';
import { output, type Program, withScratch } from '../program.ts';
import { rowProgram } from './row-program.ts';
import { runRows } from './rows.ts';

const eachColumn = (statements: string): string =>
  `for (var j = lane; j < p.d; j += LANES) { ${statements} }`;

/** One over the root mean square of `value`, as `inverse`. */
const root = (value: string): string => `
  let at = group * p.d;
  var squares = 0.0;
  ${eachColumn(`let v = ${value}; squares += v * v;`)}
  let inverse = inverseSqrt(total(lane, squares) / f32(p.d) + p.eps);`;

/** The same, and `slope`: what each element's gradient is less by, times the element; `dy` is that of value · inverse. */
const rootSlope = (value: string, dy: string): string => `
  let at = group * p.d;
  var squares = 0.0;
  var products = 0.0;
  ${eachColumn(`let v = ${value}; squares += v * v; products += v * ${dy};`)}
  let inverse = inverseSqrt(total(lane, squares) / f32(p.d) + p.eps);
  let slope = inverse * inverse * inverse * total(lane, products) / f32(p.d);`;

const RMS_NORM = rowProgram({
  name: 'rmsNorm',
  reads: { x: 'f32', weight: 'f32' },
  writes: { y: 'f32' },
  params: { d: 'i32', eps: 'f32' },
  body: `${root('x[at + j]')}
  ${eachColumn('y[at + j] = x[at + j] * inverse * weight[j];')}`,
});

/** dx, and the numbers of each row that the weight's gradient needs. */
const RMS_NORM_GRAD = rowProgram({
  name: 'rmsNormGrad',
  reads: { x: 'f32', weight: 'f32', dy: 'f32' },
  writes: { dx: 'f32', rowNumbers: 'f32' },
  params: { d: 'i32', eps: 'f32' },
  body: `${rootSlope('x[at + j]', 'dy[at + j] * weight[j]')}
  ${eachColumn('dx[at + j] = inverse * dy[at + j] * weight[j] - x[at + j] * slope;')}
  if (lane == 0) { rowNumbers[2 * group] = 0.0; rowNumbers[2 * group + 1] = inverse; }`,
});

const NORMALIZE_SUM = rowProgram({
  name: 'rmsNormalizeSum',
  reads: { a: 'f32', b: 'f32' },
  writes: { y: 'f32' },
  params: { d: 'i32', eps: 'f32' },
  body: `${root('a[at + j] + b[at + j]')}
  ${eachColumn('y[at + j] = (a[at + j] + b[at + j]) * inverse;')}`,
});

const NORMALIZE_SUM_GRAD = rowProgram({
  name: 'rmsNormalizeSumGrad',
  reads: { a: 'f32', b: 'f32', dy: 'f32' },
  writes: { dx: 'f32' },
  params: { d: 'i32', eps: 'f32' },
  body: `${rootSlope('a[at + j] + b[at + j]', 'dy[at + j]')}
  ${eachColumn('dx[at + j] = inverse * dy[at + j] - (a[at + j] + b[at + j]) * slope;')}`,
});

const MOMENTS = `
  var sum = 0.0;
  ${eachColumn('sum += x[at + j];')}
  let mean = total(lane, sum) / f32(p.d);
  var squares = 0.0;
  ${eachColumn('let v = x[at + j] - mean; squares += v * v;')}
  let inverse = inverseSqrt(total(lane, squares) / f32(p.d) + p.eps);`;

const LAYER_NORM = rowProgram({
  name: 'layerNorm',
  reads: { x: 'f32', weight: 'f32', bias: 'f32' },
  writes: { y: 'f32' },
  params: { d: 'i32', eps: 'f32' },
  body: `
  let at = group * p.d;
  ${MOMENTS}
  ${eachColumn('y[at + j] = (x[at + j] - mean) * inverse * weight[j] + bias[j];')}`,
});

const LAYER_NORM_GRAD = rowProgram({
  name: 'layerNormGrad',
  reads: { x: 'f32', weight: 'f32', dy: 'f32' },
  writes: { dx: 'f32', rowNumbers: 'f32' },
  params: { d: 'i32', eps: 'f32' },
  body: `
  let at = group * p.d;
  ${MOMENTS}
  var slopes = 0.0;
  var products = 0.0;
  ${eachColumn('let g = dy[at + j] * weight[j]; slopes += g; products += g * (x[at + j] - mean) * inverse;')}
  let shift = total(lane, slopes) / f32(p.d);
  let along = total(lane, products) / f32(p.d);
  ${eachColumn('dx[at + j] = inverse * (dy[at + j] * weight[j] - shift - (x[at + j] - mean) * inverse * along);')}
  if (lane == 0) { rowNumbers[2 * group] = mean; rowNumbers[2 * group + 1] = inverse; }`,
});

/** Columns and rows that a workgroup goes through at a time. */
const COLUMNS = 16;
const ROWS = 16;

/** Sums over the rows: of dy times the normed input, and for the bias of dy. `accumulate` adds them to what is there. */
const sumRows = (withBias: boolean, accumulate: boolean): Program => ({
  name: `normGradWeight${withBias ? 'Bias' : ''}${accumulate ? '+' : ''}`,
  reads: { x: 'f32', dy: 'f32', rowNumbers: 'f32' },
  writes: { dweight: 'f32', ...(withBias && { dbias: 'f32' as const }) },
  params: { rows: 'i32', d: 'i32' },
  lanes: COLUMNS * ROWS,
  declarations: `var<workgroup> sums : array<vec2<f32>, ${COLUMNS * ROWS}>;`,
  body: `
  let column = lane % ${COLUMNS};
  let j = group * ${COLUMNS} + column;
  var sum = vec2<f32>();
  if (j < p.d) {
    for (var r = lane / ${COLUMNS}; r < p.rows; r += ${ROWS}) {
      let g = dy[r * p.d + j];
      sum += vec2<f32>(g * (x[r * p.d + j] - rowNumbers[2 * r]) * rowNumbers[2 * r + 1], g);
    }
  }
  sums[lane] = sum;
  workgroupBarrier();
  if (lane < ${COLUMNS} && j < p.d) {
    for (var r = 1; r < ${ROWS}; r++) { sum += sums[r * ${COLUMNS} + column]; }
    dweight[j] ${accumulate ? '+=' : '='} sum.x;
    ${withBias ? `dbias[j] ${accumulate ? '+=' : '='} sum.y;` : ''}
  }`,
});
const sumsOf = (withBias: boolean): ((firstRow: number) => Program) => {
  const [first, more] = [sumRows(withBias, false), sumRows(withBias, true)];
  return (firstRow) => (firstRow === 0 ? first : more);
};
const GRAD_WEIGHT = sumsOf(false);
const GRAD_WEIGHT_BIAS = sumsOf(true);

function norm(name: string, program: Program): (call: WebgpuKernelCall) => TensorInfo {
  return (call) => {
    const { backend } = call;
    const take = inputsOf(name, call);
    const x = take('x', 'float32', ['…', 'd']);
    const d = lastSize(x);
    const weight = take('weight', 'float32', [d]);
    const bias = 'bias' in program.reads ? { bias: take('bias', 'float32', [d]) } : {};
    const y = output(backend, x.shape);
    const rows = d === 0 ? 0 : sizeOf(x.shape) / d;
    const params = { d, eps: numberAttr(call, 'eps') };
    runRows(backend, { program, rows, tensors: { x, y }, shared: { weight, ...bias }, params });
    return y;
  };
}

function normGrad(
  name: string,
  program: Program,
  withBias: boolean,
): (call: WebgpuKernelCall) => TensorInfo[] {
  return (call) => {
    const { backend } = call;
    const take = inputsOf(name, call);
    const x = take('x', 'float32', ['…', 'd']);
    const d = lastSize(x);
    const weight = take('weight', 'float32', [d]);
    const dy = take('dy', 'float32', x.shape);
    const dx = output(backend, x.shape);
    const withWeight = call.attrs['withWeight'] !== false;
    const sums: Record<string, TensorInfo> = {
      ...(withWeight && { dweight: output(backend, [d]) }),
      ...(withBias && { dbias: output(backend, [d]) }),
    };
    const rows = d === 0 ? 0 : sizeOf(x.shape) / d;
    withScratch(backend, Math.max(1, 2 * rows), (rowNumbers) => {
      const params = { d, eps: numberAttr(call, 'eps') };
      runRows(backend, { program, rows, tensors: { x, dy, dx, rowNumbers }, shared: { weight }, params });
      if (!withWeight) return;
      runRows(backend, {
        program: withBias ? GRAD_WEIGHT_BIAS : GRAD_WEIGHT,
        rows,
        tensors: { x, dy, rowNumbers },
        shared: sums,
        groups: () => Math.ceil(d / COLUMNS),
        params: (count) => ({ rows: count, d }),
      });
    });
    return [dx, ...Object.values(sums)];
  };
}

function normalizeSum(call: WebgpuKernelCall): TensorInfo {
  const { backend } = call;
  const take = inputsOf('MoectRmsNormalizeSum', call);
  const a = take('a', 'float32', ['…', 'd']);
  const b = take('b', 'float32', a.shape);
  const d = lastSize(a);
  const y = output(backend, a.shape);
  const rows = d === 0 ? 0 : sizeOf(a.shape) / d;
  const params = { d, eps: numberAttr(call, 'eps') };
  runRows(backend, { program: NORMALIZE_SUM, rows, tensors: { a, b, y }, params });
  return y;
}

function normalizeSumGrad(call: WebgpuKernelCall): TensorInfo {
  const { backend } = call;
  const take = inputsOf('MoectRmsNormalizeSumGrad', call);
  const a = take('a', 'float32', ['…', 'd']);
  const [b, dy] = [take('b', 'float32', a.shape), take('dy', 'float32', a.shape)];
  const d = lastSize(a);
  const dx = output(backend, a.shape);
  const rows = d === 0 ? 0 : sizeOf(a.shape) / d;
  const params = { d, eps: numberAttr(call, 'eps') };
  runRows(backend, { program: NORMALIZE_SUM_GRAD, rows, tensors: { a, b, dy, dx }, params });
  return dx;
}

/** RMSNorm (arXiv 1910.07467) and layer normalisation (arXiv 1607.06450) with their gradients. */
export function registerNorms(): void {
  registerWebgpuKernel('MoectRmsNorm', norm('MoectRmsNorm', RMS_NORM));
  registerWebgpuKernel('MoectRmsNormGrad', normGrad('MoectRmsNormGrad', RMS_NORM_GRAD, false));
  registerWebgpuKernel('MoectRmsNormalizeSum', normalizeSum);
  registerWebgpuKernel('MoectRmsNormalizeSumGrad', normalizeSumGrad);
  registerWebgpuKernel('MoectLayerNorm', norm('MoectLayerNorm', LAYER_NORM));
  registerWebgpuKernel('MoectLayerNormGrad', normGrad('MoectLayerNormGrad', LAYER_NORM_GRAD, true));
}
