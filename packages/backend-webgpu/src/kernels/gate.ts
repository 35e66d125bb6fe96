import { ShapeMismatchError } from '@moect/core';
import { GatePrior, GatePriorGrad, GateWeight, GateWeightGrad } from '@moect/kernels';
import type { TensorInfo } from '@tensorflow/tfjs-core';
import { implement, type WebgpuCall } from '../kernel.ts';
import { output, type Program, runProgram } from '../program.ts';
import { rowProgram } from './row-program.ts';
import { runRows } from './rows.ts';
import { REDUCTIONS, ROW_LANES } from './snippets.ts';

/** tanh by e^(−2|x|), which never overflows and propagates NaN. */
const TANH = `
fn tanhOf(x : f32) -> f32 {
  let e = exp(-2.0 * abs(x));
  return select(1.0, -1.0, x < 0.0) * (1.0 - e) / (1.0 + e);
}`;

const SIGMOID = `
fn sigmoidOf(x : f32) -> f32 { return 1.0 / (1.0 + exp(-x)); }`;

const WEIGHT = rowProgram({
  name: 'gateWeight',
  reads: { left: 'f32', right: 'f32', leftBias: 'f32', rightBias: 'f32', weight: 'f32', bias: 'f32' },
  writes: { logit: 'f32', probability: 'f32', inner: 'f32' },
  params: { d: 'i32' },
  declarations: `${TANH}${SIGMOID}`,
  body: `
  var own = 0.0;
  for (var j = lane; j < p.d; j += LANES) {
    let at = group * p.d + j;
    let v = tanhOf((left[at] + leftBias[j]) + (right[at] + rightBias[j]));
    inner[at] = v;
    own += weight[j] * v;
  }
  let score = total(lane, own) + bias[0];
  if (lane == 0) {
    logit[group] = score;
    probability[group] = sigmoidOf(score);
  }`,
});

/** Columns and rows that a workgroup processes at a time. */
const COLUMNS = 8;
const ROWS = 32;

/**
 * `dsum` is the gradient of both sides, `dinnerBias` that of both their biases. `accumulate` adds the sums over
 * the rows to the present values.
 */
const weightGrad = (accumulate: boolean): Program => ({
  name: `gateWeightGrad${accumulate ? '+' : ''}`,
  reads: { weight: 'f32', probability: 'f32', inner: 'f32', dlogit: 'f32', dprobability: 'f32' },
  writes: { dsum: 'f32', dinnerBias: 'f32', dweight: 'f32', dbias: 'f32' },
  params: { rows: 'i32', d: 'i32' },
  lanes: COLUMNS * ROWS,
  declarations: `
var<workgroup> sums : array<vec3<f32>, ${COLUMNS * ROWS}>;
fn slopeOf(row : i32) -> f32 {
  return dlogit[row] + dprobability[row] * probability[row] * (1.0 - probability[row]);
}`,
  body: `
  let column = lane % ${COLUMNS};
  let j = group * ${COLUMNS} + column;
  var sum = vec3<f32>();
  if (j < p.d) {
    for (var r = lane / ${COLUMNS}; r < p.rows; r += ${ROWS}) {
      let at = r * p.d + j;
      let v = inner[at];
      let slope = slopeOf(r);
      let down = slope * weight[j] * (1.0 - v * v);
      dsum[at] = down;
      sum += vec3<f32>(down, slope * v, slope);
    }
  }
  sums[lane] = sum;
  workgroupBarrier();
  if (lane < ${COLUMNS} && j < p.d) {
    for (var r = 1; r < ${ROWS}; r++) { sum += sums[r * ${COLUMNS} + column]; }
    dinnerBias[j] ${accumulate ? '+=' : '='} sum.x;
    dweight[j] ${accumulate ? '+=' : '='} sum.y;
    if (j == 0) { dbias[0] ${accumulate ? '+=' : '='} sum.z; }
  }`,
});
const WEIGHT_GRAD = weightGrad(false);
const WEIGHT_GRAD_MORE = weightGrad(true);

/** WGSL: `isOf(i, kind)`, true for a token of class `kind` that is not padding. */
const CLASSES = `
fn isOf(i : i32, kind : i32) -> bool { return classes[i] == kind && documentIds[i] >= 0; }`;

const PRIOR_PARAMS = { size: 'i32', positive: 'i32', negative: 'i32', up: 'f32', down: 'f32' } as const;

const PRIOR: Program = {
  name: 'gatePrior',
  reads: { logit: 'f32', classes: 'i32', documentIds: 'i32' },
  writes: { positive: 'f32', negative: 'f32' },
  params: PRIOR_PARAMS,
  lanes: ROW_LANES,
  declarations: `${REDUCTIONS}${CLASSES}
fn softplusOf(x : f32) -> f32 { return max(x, 0.0) + log(1.0 + exp(-abs(x))); }`,
  body: `
  var up = 0.0;
  var down = 0.0;
  for (var i = lane; i < p.size; i += ${ROW_LANES}) {
    if (isOf(i, p.positive)) { up += softplusOf(-logit[i]); }
    if (isOf(i, p.negative)) { down += softplusOf(logit[i]); }
  }
  let upward = total(lane, up);
  let downward = total(lane, down);
  if (lane == 0) {
    positive[0] = upward * p.up;
    negative[0] = downward * p.down;
  }`,
};

const PRIOR_GRAD: Program = {
  name: 'gatePriorGrad',
  reads: { logit: 'f32', classes: 'i32', documentIds: 'i32', dpositive: 'f32', dnegative: 'f32' },
  writes: { dlogit: 'f32' },
  params: PRIOR_PARAMS,
  lanes: ROW_LANES,
  declarations: `${CLASSES}${SIGMOID}`,
  body: `
  let i = group * ${ROW_LANES} + lane;
  if (i >= p.size) { return; }
  var slope = 0.0;
  if (isOf(i, p.positive)) { slope -= dpositive[0] * p.up * sigmoidOf(-logit[i]); }
  if (isOf(i, p.negative)) { slope += dnegative[0] * p.down * sigmoidOf(logit[i]); }
  dlogit[i] = slope;`,
};

function weight(call: WebgpuCall<typeof GateWeight>): readonly [TensorInfo, TensorInfo, TensorInfo] {
  const { backend, rows } = call;
  const { left, right, ...shared } = call.inputs;
  const shape = [...left.shape.slice(0, -1), 1];
  const [logit, probability] = [output(backend, shape), output(backend, shape)];
  const tanh = output(backend, left.shape);
  const ofRows = { left, right, logit, probability, inner: tanh };
  runRows(backend, { program: WEIGHT, rows, tensors: ofRows, shared, params: { d: call.dims.inner } });
  return [logit, probability, tanh];
}

function gateWeightGrad({
  backend,
  inputs,
  dims,
  rows,
}: WebgpuCall<typeof GateWeightGrad>): readonly [TensorInfo, TensorInfo, TensorInfo, TensorInfo] {
  const { weight, tanh: inner, ...ofRows } = inputs;
  const d = dims.inner;
  if (d === 0) throw new ShapeMismatchError(`${GateWeightGrad.name}: tanh`, inner.shape, '[.., at least 1]');
  const dsum = output(backend, inner.shape);
  const [dinnerBias, dweight, dbias] = [output(backend, [d]), output(backend, [1, d]), output(backend, [1])];
  runRows(backend, {
    program: (firstRow) => (firstRow === 0 ? WEIGHT_GRAD : WEIGHT_GRAD_MORE),
    rows,
    tensors: { ...ofRows, inner, dsum },
    shared: { weight, dinnerBias, dweight, dbias },
    groups: () => Math.ceil(d / COLUMNS),
    params: (count) => ({ rows: count, d }),
  });
  return [dsum, dinnerBias, dweight, dbias];
}

/** Tensors and parameters of the programs. */
function priorOf({
  inputs,
  attrs,
  rows: size,
}: Pick<WebgpuCall<typeof GatePrior>, 'inputs' | 'attrs' | 'rows'>): {
  tensors: Record<'logit' | 'classes' | 'documentIds', TensorInfo>;
  params: Record<keyof typeof PRIOR_PARAMS, number>;
} {
  const { logit, classes, documentIds } = inputs;
  const { positive, negative, positiveScale: up, negativeScale: down } = attrs;
  return { tensors: { logit, classes, documentIds }, params: { size, positive, negative, up, down } };
}

function prior(call: WebgpuCall<typeof GatePrior>): readonly [TensorInfo, TensorInfo] {
  const { backend } = call;
  const { tensors, params } = priorOf(call);
  const [positive, negative] = [output(backend, []), output(backend, [])];
  runProgram(backend, PRIOR, 1, { ...tensors, positive, negative }, params);
  return [positive, negative];
}

function priorGrad(call: WebgpuCall<typeof GatePriorGrad>): TensorInfo {
  const { backend } = call;
  const { tensors, params } = priorOf(call);
  const { dpositive, dnegative } = call.inputs;
  const dlogit = output(backend, tensors.logit.shape);
  const groups = Math.ceil(params.size / ROW_LANES);
  runProgram(backend, PRIOR_GRAD, groups, { ...tensors, dpositive, dnegative, dlogit }, params);
  return dlogit;
}

/** Weight of a gate, and the prior on it, with their gradients. */
export function registerGate(): void {
  implement(GateWeight, weight);
  implement(GateWeightGrad, gateWeightGrad);
  implement(GatePrior, prior);
  implement(GatePriorGrad, priorGrad);
}
