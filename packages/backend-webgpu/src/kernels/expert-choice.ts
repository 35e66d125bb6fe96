import { ChooseExperts, ChooseExpertsGrad, CountAssignments } from '@moect/kernels';
import type { TensorInfo } from '@tensorflow/tfjs-core';
import { implement, type WebgpuCall } from '../kernel.ts';
import { output, type Program, runProgram } from '../program.ts';
import { FLAT_LANES, REDUCTIONS, ROW_LANES } from './snippets.ts';

/** One invocation takes a row. No expert is chosen twice, even where a logit is not a number. */
const CHOOSE: Program = {
  name: 'chooseExperts',
  reads: { logits: 'f32' },
  writes: { weights: 'f32', indices: 'i32' },
  params: { rows: 'i32', n: 'i32', k: 'i32', renormalize: 'i32' },
  lanes: FLAT_LANES,
  body: `
  let row = group * ${FLAT_LANES} + lane;
  if (row >= p.rows) { return; }
  let at = row * p.n;
  for (var j = 0; j < p.k; j++) {
    var best = -1;
    for (var i = 0; i < p.n; i++) {
      var isLeft = true;
      for (var l = 0; l < j; l++) { isLeft = isLeft && indices[row * p.k + l] != i; }
      if (isLeft && (best < 0 || logits[at + i] > logits[at + best])) { best = i; }
    }
    indices[row * p.k + j] = best;
  }
  let top = logits[at + indices[row * p.k]];
  var sum = 0.0;
  if (p.renormalize == 0) {
    for (var i = 0; i < p.n; i++) { sum += exp(logits[at + i] - top); }
  } else {
    for (var j = 0; j < p.k; j++) { sum += exp(logits[at + indices[row * p.k + j]] - top); }
  }
  for (var j = 0; j < p.k; j++) {
    let slot = row * p.k + j;
    weights[slot] = exp(logits[at + indices[slot]] - top) / sum;
  }`,
};

/** dlogits = s · (g − Σ s·g), s the softmax over the chosen or over all, g the slope of a chosen one, else 0. */
const CHOOSE_GRAD: Program = {
  name: 'chooseExpertsGrad',
  reads: { logits: 'f32', indices: 'i32', dweights: 'f32' },
  writes: { dlogits: 'f32' },
  params: { rows: 'i32', n: 'i32', k: 'i32', renormalize: 'i32' },
  lanes: FLAT_LANES,
  body: `
  let row = group * ${FLAT_LANES} + lane;
  if (row >= p.rows) { return; }
  let at = row * p.n;
  let top = logits[at + indices[row * p.k]];
  var all = 0.0;
  for (var i = 0; i < p.n; i++) { all += exp(logits[at + i] - top); }
  var chosen = 0.0;
  var along = 0.0;
  for (var j = 0; j < p.k; j++) {
    let slot = row * p.k + j;
    let share = exp(logits[at + indices[slot]] - top);
    chosen += share;
    along += share * dweights[slot];
  }
  let sum = select(chosen, all, p.renormalize == 0);
  along /= sum;
  for (var i = 0; i < p.n; i++) {
    let share = exp(logits[at + i] - top) / sum;
    dlogits[at + i] = select(0.0, -share * along, p.renormalize == 0);
  }
  for (var j = 0; j < p.k; j++) {
    let slot = row * p.k + j;
    let i = at + indices[slot];
    dlogits[i] = exp(logits[i] - top) / sum * (dweights[slot] - along);
  }`,
};

/** Workgroup e counts the assignments of expert e. */
const COUNT: Program = {
  name: 'countAssignments',
  reads: { indices: 'i32', mask: 'f32' },
  writes: { counts: 'f32' },
  params: { rows: 'i32', k: 'i32' },
  lanes: ROW_LANES,
  declarations: REDUCTIONS,
  body: `
  var own = 0.0;
  for (var slot = lane; slot < p.rows * p.k; slot += ${ROW_LANES}) {
    if (indices[slot] == group) { own += mask[slot / p.k]; }
  }
  let sum = total(lane, own);
  if (lane == 0) { counts[group] = sum; }`,
};

/** Parameters of the programs. */
function paramsOf({
  dims,
  attrs,
}: Pick<WebgpuCall<typeof ChooseExperts>, 'dims' | 'attrs'>): Record<
  'rows' | 'n' | 'k' | 'renormalize',
  number
> {
  const { rows, n, k } = dims;
  return { rows, n, k, renormalize: Number(attrs.renormalize) };
}

function choose(call: WebgpuCall<typeof ChooseExperts>): readonly [TensorInfo, TensorInfo] {
  const { backend } = call;
  const { logits } = call.inputs;
  const params = paramsOf(call);
  const weights = output(backend, [params.rows, params.k]);
  const indices = output(backend, [params.rows, params.k], 'int32');
  const groups = Math.ceil(params.rows / FLAT_LANES);
  runProgram(backend, CHOOSE, groups, { logits, weights, indices }, params);
  return [weights, indices];
}

function chooseGrad(call: WebgpuCall<typeof ChooseExpertsGrad>): TensorInfo {
  const { backend } = call;
  const { logits, indices, dweights } = call.inputs;
  const params = paramsOf(call);
  const dlogits = output(backend, logits.shape);
  const groups = Math.ceil(params.rows / FLAT_LANES);
  runProgram(backend, CHOOSE_GRAD, groups, { logits, indices, dweights, dlogits }, params);
  return dlogits;
}

function countAssignments({ backend, inputs, dims }: WebgpuCall<typeof CountAssignments>): TensorInfo {
  const { indices, mask } = inputs;
  const { rows, k, numExperts: experts } = dims;
  const counts = output(backend, [experts]);
  runProgram(backend, COUNT, experts, { indices, mask, counts }, { rows, k });
  return counts;
}

/** Choice of experts from router logits with its gradient, and the number of tokens of each expert. */
export function registerExpertChoice(): void {
  implement(ChooseExperts, choose);
  implement(ChooseExpertsGrad, chooseGrad);
  implement(CountAssignments, countAssignments);
}
