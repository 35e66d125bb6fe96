import type { Fusion, FusionInput, Tensor } from '@moect/core';
import { boolean, checkedOptions, type Fields, number, oneOf, orNull } from '@moect/core/options';
import { remake, rmsNormalizeSum, stopGradient, tidy, zeros } from '@moect/tensor';
import {
  aboveThreshold,
  forcedByRole,
  gateOf,
  gateResult,
  gateWidth,
  initGate,
  priorLosses,
  thresholdCheck,
} from './gate.ts';
import { pooledPrefix, poolState } from './prefix-pool.ts';

export type GuardedGateOptions = {
  /** λ, strength of the prior that old-language tokens use the base. */
  readonly oldPrior: number;
  /** λ₂, strength of the prior that new-language tokens use the branch. */
  readonly newPrior: number;
  /** Initial b: above 0 leans to the base. */
  readonly bias: number;
  /** Inner width; null takes a quarter of the stream. */
  readonly gateSize: number | null;
  /** τ: outside training p > τ counts as exactly 1; null: off. A pass may name another (`ForwardOptions`). */
  readonly gateThreshold: number | null;
  /** One gate, at the first branch, for all branches of a model; else one a branch. */
  readonly shared: boolean;
  /**
   * In training, tokens whose role is known go by it (old: p = 1, new: p = 0), and the gate learns from the prior alone:
   * the branch trains as if it were always on, and old text does not move it.
   */
  readonly teacherForcing: boolean;
  /** First input of the gate: the mean over the document's prefix, or the token alone. */
  readonly pool: 'prefix' | 'token';
};

const strength = number({ min: 0 });

const fields: Fields<GuardedGateOptions> = {
  oldPrior: { default: 1, check: strength },
  newPrior: { default: 1, check: strength },
  bias: { default: 0, check: number({}) },
  gateSize: { default: null, check: orNull(number({ min: 1, integer: true })) },
  gateThreshold: { default: null, check: thresholdCheck },
  shared: { default: false, check: boolean },
  teacherForcing: { default: false, check: boolean },
  pool: { default: 'prefix', check: oneOf('prefix', 'token') },
};

const EPS = 1e-6;

const documentsOf = ({ documentIds, residual }: FusionInput): Tensor =>
  documentIds ?? zeros([residual.shape[0]!, residual.shape[1]!], 'int32');

/**
 * Gate that learns which languages are the base's (docs/method.md §2):
 * p = σ(wᵀ tanh(U·u + b_u + V·v + b_v) + b), u the running mean of RMS(a+f) over the document's prefix, v = RMS(a+m),
 * U and V from N(0, 1/d), w from N(0, 1/gateSize). In training with known roles it adds the two-sided prior as
 * `gateOld` and `gateNew`: means over the tokens of one role at this layer. A method that puts several gates into one
 * model divides by their number, so that λ = 1 weighs one nat a token, whatever the depth.
 * Throws InvalidConfigError.
 */
export function guardedGate(options: Partial<GuardedGateOptions> = {}): Fusion {
  const checked = checkedOptions('guardedGate', options, fields);
  return {
    contract: 'fusion/1',
    name: 'guarded',
    gateThreshold: checked.gateThreshold,
    ...(checked.shared && { isShared: true }),
    init: (rng, { hiddenSize }) => {
      const gateSize = gateWidth(checked.gateSize, hiddenSize);
      const std = { inner: 1 / Math.sqrt(hiddenSize), outer: 1 / Math.sqrt(gateSize) };
      return initGate(rng, { hiddenSize, gateSize }, std, checked.bias);
    },
    fuse: (params, input) =>
      tidy(() => {
        const { baseWeightBelow: below } = input;
        if (checked.shared && below !== undefined) return gateResult(input, below);
        const documentIds = documentsOf(input);
        const { residual, base, moe, state } = input;
        const pooled = remake({ residual, base, documentIds }, (given) => {
          const baseSide = rmsNormalizeSum(given.residual, given.base, EPS);
          return checked.pool === 'prefix' ? pooledPrefix(baseSide, given.documentIds, state) : baseSide;
        });
        // a forced gate learns to tell languages apart, and does not teach the branch to look like one
        const seen = checked.teacherForcing ? stopGradient(moe) : moe;
        const moeSide = (): Tensor =>
          remake({ residual, moe: seen }, (given) => rmsNormalizeSum(given.residual, given.moe, EPS));
        const { logit, probability } = gateOf(params, pooled, moeSide);
        const chosen = checked.teacherForcing ? forcedByRole(probability, input) : probability;
        const result = gateResult(input, aboveThreshold(chosen, input, checked.gateThreshold));
        const auxLosses = priorLosses(logit, input, checked);
        if (input.training || checked.pool === 'token') return { ...result, auxLosses };
        return { ...result, auxLosses, state: poolState(pooled, documentIds, input.state) };
      }),
  };
}
