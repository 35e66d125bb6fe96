import {
  LayerNorm,
  LayerNormGrad,
  RmsNorm,
  RmsNormalizeSum,
  RmsNormalizeSumGrad,
  RmsNormGrad,
} from '@moect/kernels';
import type { TensorInfo } from '@tensorflow/tfjs-core';
import { implement, type WebgpuCall } from '../kernel.ts';
import { output, type Program, withScratch } from '../program.ts';
import { rowProgram } from './row-program.ts';
import { runRows } from './rows.ts';

const eachColumn = (statements: string): string =>
  `for (var j = lane; j < p.d; j += LANES) { ${statements} }`;

/** WGSL: `inverse`, one over the root mean square of `value`. */
const root = (value: string): string => `
  let at = group * p.d;
  var squares = 0.0;
  ${eachColumn(`let v = ${value}; squares += v * v;`)}
  let inverse = inverseSqrt(total(lane, squares) / f32(p.d) + p.eps);`;

/** WGSL: `inverse`, and `slope`, where dvalue = dy · inverse − value · slope; `dy` is that of value · inverse. */
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

/** dx, and 0 (the mean) and `inverse` of each row, which the weight's gradient needs. */
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

/** Columns and rows that a workgroup processes at a time. */
const COLUMNS = 16;
const ROWS = 16;

/** Sums over the rows of dy · normed input, and of dy for the bias. `accumulate` adds to the present values. */
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

/** Rows of d elements: none where d is 0. */
const rowsOf = ({ rows, dims }: { readonly rows: number; readonly dims: { readonly d: number } }): number =>
  dims.d === 0 ? 0 : rows;

type NormCall = WebgpuCall<typeof RmsNorm> | WebgpuCall<typeof LayerNorm>;

function norm(call: NormCall, program: Program): TensorInfo {
  const { backend } = call;
  const { x, ...shared } = call.inputs;
  const y = output(backend, x.shape);
  const params = { d: call.dims.d, eps: call.attrs.eps };
  runRows(backend, { program, rows: rowsOf(call), tensors: { x, y }, shared, params });
  return y;
}

/** Gradients besides dx, by name: sums over the rows. */
type Sums = Readonly<Record<string, TensorInfo>>;

function normGrad(
  call: WebgpuCall<typeof LayerNormGrad>,
  program: Program,
  sums: Sums,
  sumProgram: (firstRow: number) => Program,
): TensorInfo {
  const { backend } = call;
  const { x, weight, dy } = call.inputs;
  const { d } = call.dims;
  const dx = output(backend, x.shape);
  const rows = rowsOf(call);
  withScratch(backend, Math.max(1, 2 * rows), (rowNumbers) => {
    const params = { d, eps: call.attrs.eps };
    runRows(backend, { program, rows, tensors: { x, dy, dx, rowNumbers }, shared: { weight }, params });
    if (Object.keys(sums).length === 0) return;
    runRows(backend, {
      program: sumProgram,
      rows,
      tensors: { x, dy, rowNumbers },
      shared: sums,
      groups: () => Math.ceil(d / COLUMNS),
      params: (count) => ({ rows: count, d }),
    });
  });
  return dx;
}

function rmsNormGrad(call: WebgpuCall<typeof RmsNormGrad>): readonly [TensorInfo, TensorInfo?] {
  if (!call.attrs.withWeight) return [normGrad(call, RMS_NORM_GRAD, {}, GRAD_WEIGHT)];
  const dweight = output(call.backend, [call.dims.d]);
  return [normGrad(call, RMS_NORM_GRAD, { dweight }, GRAD_WEIGHT), dweight];
}

function layerNormGrad(
  call: WebgpuCall<typeof LayerNormGrad>,
): readonly [TensorInfo, TensorInfo, TensorInfo] {
  const { d } = call.dims;
  const [dweight, dbias] = [output(call.backend, [d]), output(call.backend, [d])];
  return [normGrad(call, LAYER_NORM_GRAD, { dweight, dbias }, GRAD_WEIGHT_BIAS), dweight, dbias];
}

function normalizeSum(call: WebgpuCall<typeof RmsNormalizeSum>): TensorInfo {
  const { backend, inputs } = call;
  const y = output(backend, inputs.a.shape);
  const params = { d: call.dims.d, eps: call.attrs.eps };
  runRows(backend, { program: NORMALIZE_SUM, rows: rowsOf(call), tensors: { ...inputs, y }, params });
  return y;
}

function normalizeSumGrad(call: WebgpuCall<typeof RmsNormalizeSumGrad>): TensorInfo {
  const { backend, inputs } = call;
  const dx = output(backend, inputs.a.shape);
  const params = { d: call.dims.d, eps: call.attrs.eps };
  runRows(backend, { program: NORMALIZE_SUM_GRAD, rows: rowsOf(call), tensors: { ...inputs, dx }, params });
  return dx;
}

/** RMSNorm (arXiv 1910.07467) and layer normalisation (arXiv 1607.06450) with their gradients. */
export function registerNorms(): void {
  implement(RmsNorm, (call) => norm(call, RMS_NORM));
  implement(RmsNormGrad, rmsNormGrad);
  implement(RmsNormalizeSum, normalizeSum);
  implement(RmsNormalizeSumGrad, normalizeSumGrad);
  implement(LayerNorm, (call) => norm(call, LAYER_NORM));
  implement(LayerNormGrad, layerNormGrad);
}
