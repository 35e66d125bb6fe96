import type { Optimizer, OptimizerState, ParamMap, ParamPath, Variable } from '@moect/core';
import { type AdamWEntry, adamWUpdate, dispose, tidy, variable, zerosLike } from '@moect/tensor';

export interface AdamWSettings {
  /** Default [0.9, 0.95]. */
  readonly betas?: readonly [number, number];
  /** Default 1e-8. */
  readonly eps?: number;
  /** Default 0. */
  readonly weightDecay?: number;
  /** Which parameters decay. Default: those with two or more dimensions, but no `.bias`: experts stack theirs. */
  readonly decayFilter?: (path: ParamPath, parameter: Variable) => boolean;
}

function makeState(step: number, tensors: ParamMap<Variable>): OptimizerState {
  return { step, tensors, dispose: () => dispose(tensors) };
}

/** Zeros of a parameter's shape. One at a time: `variable` copies, and all zeros beside all copies outweigh a step. */
const zeros = (parameter: Variable): Variable => tidy(() => variable(zerosLike(parameter)));

function init(parameters: ParamMap<Variable>): OptimizerState {
  const tensors = new Map<ParamPath, Variable>();
  for (const [path, parameter] of parameters) {
    tensors.set(`exp_avg.${path}`, zeros(parameter));
    tensors.set(`exp_avg_sq.${path}`, zeros(parameter));
  }
  return makeState(0, tensors);
}

/** Biases of experts are stacked to two dimensions, and stay biases. */
function isMatrix(path: ParamPath, parameter: Variable): boolean {
  return parameter.rank >= 2 && !path.endsWith('.bias');
}

/**
 * AdamW (decoupled weight decay, Loshchilov & Hutter, arXiv 1711.05101; arithmetic as torch.optim.AdamW).
 * State tensors are `exp_avg.<path>` and `exp_avg_sq.<path>`. A parameter without a gradient stays as it is,
 * weight decay included.
 */
export function adamW(settings: AdamWSettings = {}): Optimizer {
  const [beta1, beta2] = settings.betas ?? [0.9, 0.95];
  const eps = settings.eps ?? 1e-8;
  const weightDecay = settings.weightDecay ?? 0;
  const decays = settings.decayFilter ?? isMatrix;
  return {
    contract: 'optimizer/1',
    name: 'adamw',
    settings: { betas: [beta1, beta2], eps, weightDecay },
    init,
    update(parameters, gradients, state, { learningRate, gradientScale }) {
      const step = state.step + 1;
      const entries: AdamWEntry[] = [];
      for (const [path, parameter] of parameters) {
        const gradient = gradients.get(path);
        if (gradient === undefined) continue;
        const expAvg = state.tensors.get(`exp_avg.${path}`)!;
        const expAvgSq = state.tensors.get(`exp_avg_sq.${path}`)!;
        const decay = decays(path, parameter) ? weightDecay : 0;
        entries.push({ parameter, gradient, expAvg, expAvgSq, weightDecay: decay });
      }
      adamWUpdate(entries, gradientScale, { learningRate, beta1, beta2, eps, step });
      return makeState(step, state.tensors);
    },
  };
}
