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
import { boolean, type Check, number, oneOf, optional, problemsOf, unknownKeys } from '@moect/core/options';
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

const notNegative = optional(number({ min: 0 }));

const checks: Readonly<Record<keyof TopKRouterOptions, Check>> = {
  topK: number({ min: 1, integer: true }),
  renormalize: optional(boolean),
  balanceLoss: notNegative,
  zLoss: notNegative,
  initStd: notNegative,
  noise: optional(oneOf('none', 'gaussian')),
};

function routerProblems(options: TopKRouterOptions): ConfigProblem[] {
  const problems = problemsOf(options, checks);
  if (options.topK === 1 && options.renormalize === true) {
    const message = 'must be false with topK 1: every weight would be 1 and the router would not learn';
    problems.push({ path: 'renormalize', message });
  }
  return [...problems, ...unknownKeys(options, Object.keys(checks))];
}

/**
 * Softmax router: s = softmax(z·Wᵀ) in float32, the topK largest are chosen (Mixtral, arXiv 2401.04088, and
 * Qwen-MoE). Parameters: `weight` [numExperts, hiddenSize] from N(0, initStd²), no bias; with noise `noise.weight` of the
 * same shape, 0 at the start. Auxiliary losses, in training only: `balance` and `routerZ`, where their coefficient is above
 * 0. Throws InvalidConfigError, also from `route` where noise finds no `rng` in training; `init` throws ShapeMismatchError.
 */
export function topKRouter(options: TopKRouterOptions): Router {
  const problems = routerProblems(options);
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
