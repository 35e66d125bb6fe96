import { LoadBalance, LoadBalanceGrad, SquaredLogSumExp, SquaredLogSumExpGrad } from '@moect/kernels';
import type { TensorInfo } from '@tensorflow/tfjs-core';
import { implement, type WebgpuCall } from '../kernel.ts';
import { output, type Program, runProgram } from '../program.ts';
import { FLAT_LANES, REDUCTIONS, ROW_LANES } from './snippets.ts';

type Kind = 'balance' | 'z';

/** WGSL: `value` of row `at / p.n`, from the largest logit `top` and `all` = Σ exp(logit − top). */
const OF_ROW: Readonly<Record<Kind, string>> = {
  balance: `
    var value = 0.0;
    for (var i = 0; i < p.n; i++) { value += tokensPerExpert[i] * exp(logits[at + i] - top); }
    value /= all;`,
  z: `
    let logSumExp = top + log(all);
    let value = logSumExp * logSumExp;`,
};

/** WGSL: slope of `value` in logit i, whose probability is `share`. */
const SLOPE: Readonly<Record<Kind, string>> = {
  balance: 'share * (tokensPerExpert[i] - value)',
  z: '2.0 * logSumExp * share',
};

const ROW = `
    var top = logits[at];
    for (var i = 1; i < p.n; i++) { top = max(top, logits[at + i]); }
    var all = 0.0;
    for (var i = 0; i < p.n; i++) { all += exp(logits[at + i] - top); }`;

const counts = (kind: Kind): Program['reads'] => (kind === 'balance' ? { tokensPerExpert: 'f32' } : {});

const loss = (kind: Kind): Program => ({
  name: `routerLoss ${kind}`,
  reads: { logits: 'f32', mask: 'f32', ...counts(kind) },
  writes: { y: 'f32', factor: 'f32' },
  params: { rows: 'i32', n: 'i32' },
  lanes: ROW_LANES,
  declarations: REDUCTIONS,
  body: `
  var sum = 0.0;
  var tokens = 0.0;
  for (var row = lane; row < p.rows; row += ${ROW_LANES}) {
    let at = row * p.n;
    ${ROW}
    ${OF_ROW[kind]}
    sum += mask[row] * value;
    tokens += mask[row];
  }
  let whole = total(lane, sum);
  var scale = 1.0 / total(lane, tokens);
  if (lane == 0) {
    ${
      kind === 'balance'
        ? `var assignments = 0.0;
    for (var i = 0; i < p.n; i++) { assignments += tokensPerExpert[i]; }
    scale *= f32(p.n) / assignments;`
        : ''
    }
    y[0] = whole * scale;
    factor[0] = scale;
  }`,
});

const lossGrad = (kind: Kind): Program => ({
  name: `routerLossGrad ${kind}`,
  reads: { logits: 'f32', mask: 'f32', ...counts(kind), factor: 'f32', dloss: 'f32' },
  writes: { dlogits: 'f32' },
  params: { rows: 'i32', n: 'i32' },
  lanes: FLAT_LANES,
  body: `
  let row = group * ${FLAT_LANES} + lane;
  if (row >= p.rows) { return; }
  let at = row * p.n;
  ${ROW}
  ${OF_ROW[kind]}
  let scale = dloss[0] * factor[0] * mask[row];
  for (var i = 0; i < p.n; i++) {
    let share = exp(logits[at + i] - top) / all;
    dlogits[at + i] = scale * ${SLOPE[kind]};
  }`,
});

const PROGRAMS = { balance: loss('balance'), z: loss('z') };
const GRAD_PROGRAMS = { balance: lossGrad('balance'), z: lossGrad('z') };

type LossCall = WebgpuCall<typeof LoadBalance> | WebgpuCall<typeof SquaredLogSumExp>;

/** The loss and its factor. */
function routerLoss({ backend, inputs, dims }: LossCall, kind: Kind): readonly [TensorInfo, TensorInfo] {
  const { rows, n } = dims;
  const [y, factor] = [output(backend, []), output(backend, [])];
  runProgram(backend, PROGRAMS[kind], 1, { ...inputs, y, factor }, { rows, n });
  return [y, factor];
}

type GradCall = WebgpuCall<typeof LoadBalanceGrad> | WebgpuCall<typeof SquaredLogSumExpGrad>;

function routerLossGrad({ backend, inputs, dims }: GradCall, kind: Kind): TensorInfo {
  const { rows, n } = dims;
  const dlogits = output(backend, inputs.logits.shape);
  const groups = Math.ceil(rows / FLAT_LANES);
  runProgram(backend, GRAD_PROGRAMS[kind], groups, { ...inputs, dlogits }, { rows, n });
  return dlogits;
}

/** Load-balancing and z-loss of router logits, and their gradients. */
export function registerRouterLosses(): void {
  implement(LoadBalance, (call) => routerLoss(call, 'balance'));
  implement(LoadBalanceGrad, (call) => routerLossGrad(call, 'balance'));
  implement(SquaredLogSumExp, (call) => routerLoss(call, 'z'));
  implement(SquaredLogSumExpGrad, (call) => routerLossGrad(call, 'z'));
}
