import {
  type ConfigProblem,
  InvalidConfigError,
  type ParamTree,
  type RouteContext,
  type Router,
  type RouterDims,
  type RoutingResult,
  ShapeMismatchError,
  type Tensor,
} from '@moect/core';
import {
  add,
  chooseExperts,
  countAssignments,
  linear,
  loadBalance,
  mul,
  randomNormal,
  softplus,
  tidy,
  zeros,
} from '@moect/tensor';
import { routerZLoss } from './load-balancing-loss.ts';

export interface TopKRouterOptions {
  /** Experts per token. */
  readonly topK: number;
  /**
   * Divide the chosen probabilities by their sum. Default: true for topK > 1. With topK 1 that would make every
   * weight 1, and the router could not learn, so it is refused there.
   */
  readonly renormalize?: boolean;
  /** Coefficient of the load-balancing loss (Switch form, 1 when balanced). Default 0: none. */
  readonly balanceLoss?: number;
  /** Coefficient of the router z-loss. Default 0: none. */
  readonly zLoss?: number;
  /** Standard deviation of the initial weight. Default 0.02. */
  readonly initStd?: number;
  /**
   * `gaussian`: in training logits get ε·softplus(z·W_noiseᵀ) on top, with ε from N(0, 1) for each token and expert and a
   * trained W_noise, so that near choices are tried out (arXiv 1701.06538, eq. 4). Default `none`.
   */
  readonly noise?: 'none' | 'gaussian';
}

const known = ['topK', 'renormalize', 'balanceLoss', 'zLoss', 'initStd', 'noise'];

function problemsOf(options: TopKRouterOptions): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  const { topK, renormalize } = options;
  const refuse = (path: string, message: string): void => void problems.push({ path, message });
  if (!Number.isInteger(topK) || topK < 1) refuse('topK', `must be a whole number from 1, is ${topK}`);
  if (topK === 1 && renormalize === true) {
    refuse(
      'renormalize',
      'must be false with topK 1: every weight would be 1 and the router would not learn',
    );
  }
  for (const key of ['balanceLoss', 'zLoss', 'initStd'] as const) {
    const value = options[key] ?? 0;
    if (!(Number.isFinite(value) && value >= 0)) refuse(key, `must be a number from 0, is ${value}`);
  }
  const { noise = 'none' } = options;
  if (!['none', 'gaussian'].includes(noise)) {
    refuse('noise', `must be one of "none", "gaussian", is ${JSON.stringify(noise)}`);
  }
  for (const key of Object.keys(options)) {
    if (!known.includes(key)) refuse(key, `is not known; known are ${known.join(', ')}`);
  }
  return problems;
}

/**
 * Softmax router: s = softmax(z·Wᵀ) in float32, the topK largest are chosen (Mixtral, arXiv 2401.04088, and
 * Qwen-MoE). Parameters: `weight` [numExperts, hiddenSize] from N(0, initStd²), no bias; with noise `noise.weight` of the
 * same shape, 0 at the start. Auxiliary losses, in training only: `balance` and `routerZ`, where their coefficient is above
 * 0. Throws InvalidConfigError, also from `route` where noise finds no `rng` in training; `init` throws ShapeMismatchError.
 */
export function topKRouter(options: TopKRouterOptions): Router {
  const problems = problemsOf(options);
  if (problems.length > 0) throw new InvalidConfigError('topKRouter', problems);
  const { topK, renormalize = topK > 1, balanceLoss = 0, zLoss = 0, initStd = 0.02 } = options;
  const isNoisy = options.noise === 'gaussian';

  const losses = (logits: Tensor, counts: Tensor, context: RouteContext): Record<string, Tensor> => {
    if (!context.training) return {};
    const { paddingMask } = context;
    return {
      ...(balanceLoss > 0 && { balance: mul(loadBalance(logits, counts, paddingMask), balanceLoss) }),
      ...(zLoss > 0 && { routerZ: mul(routerZLoss(logits, paddingMask), zLoss) }),
    };
  };

  return {
    contract: 'router/1',
    name: 'top-k',
    topK,
    init: (rng, dims) => {
      checkDims(topK, dims);
      const shape = [dims.numExperts, dims.hiddenSize];
      const weight = randomNormal(rng, shape, initStd);
      return isNoisy ? { weight, noise: { weight: zeros(shape) } } : { weight };
    },
    route: (params: ParamTree, hidden: Tensor, context: RouteContext): RoutingResult => {
      const weight = params['weight'] as Tensor;
      const numExperts = weight.shape[0]!;
      return tidy(() => {
        const clean = linear(hidden, weight);
        const logits = isNoisy && context.training ? add(clean, noiseOf(params, hidden, context)) : clean;
        const { indices: expertIndices, weights: expertWeights } = chooseExperts(logits, topK, renormalize);
        const tokensPerExpert = countAssignments(expertIndices, numExperts, context.paddingMask);
        return {
          expertIndices,
          expertWeights,
          logits,
          tokensPerExpert,
          auxLosses: losses(logits, tokensPerExpert, context),
        };
      });
    },
  };
}

/** ε·softplus(z·W_noiseᵀ), [tokens, numExperts]. */
function noiseOf(params: ParamTree, hidden: Tensor, { rng }: RouteContext): Tensor {
  if (rng === undefined) {
    throw new InvalidConfigError(
      'topKRouter',
      [{ path: 'noise', message: "'gaussian' draws random numbers in training, and this pass has none" }],
      'Give `rng` to the forward pass, as the trainer does.',
    );
  }
  const std = softplus(linear(hidden, (params['noise'] as ParamTree)['weight'] as Tensor));
  return mul(std, randomNormal(rng, std.shape, 1));
}

function checkDims(topK: number, dims: RouterDims): void {
  if (topK <= dims.numExperts) return;
  throw new ShapeMismatchError(
    'router weight',
    [dims.numExperts, dims.hiddenSize],
    `at least topK = ${topK} experts`,
    'Use more experts or a smaller topK.',
  );
}
