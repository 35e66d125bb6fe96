import {
  type FusionInput,
  type FusionResult,
  LANGUAGE_ROLES,
  type ParamTree,
  type Rng,
  type Tensor,
} from '@moect/core';
import { type Check, number, orNull } from '@moect/core/options';
import {
  cast,
  clip,
  div,
  equal,
  gatePrior,
  gateWeight,
  greater,
  greaterEqual,
  linear,
  mul,
  ones,
  randomNormal,
  reshape,
  stopGradient,
  sum,
  tensor,
  tidy,
  where,
  zeros,
} from '@moect/tensor';
import { blend } from './blend.ts';

/** Parameters of p = σ(wᵀ tanh(U·u + b_u + V·v + b_v) + b). */
export function initGate(
  rng: Rng,
  dims: { readonly hiddenSize: number; readonly gateSize: number },
  std: { readonly inner: number; readonly outer: number },
  bias: number,
): ParamTree {
  const { hiddenSize, gateSize } = dims;
  const inner = (name: string): ParamTree => ({
    weight: randomNormal(rng.fork(name), [gateSize, hiddenSize], std.inner),
    bias: zeros([gateSize]),
  });
  return {
    base_proj: inner('base_proj'),
    moe_proj: inner('moe_proj'),
    out_proj: {
      weight: randomNormal(rng.fork('out_proj'), [1, gateSize], std.outer),
      bias: tensor([bias], [1]),
    },
  };
}

/**
 * p and its logit, both [batch, time, 1].
 * @param baseSide u, the gate's view of the base; @param moeSide makes v, its view of the branch; both [batch, time, d]
 */
export function gateOf(
  params: ParamTree,
  baseSide: Tensor,
  moeSide: () => Tensor,
): { readonly logit: Tensor; readonly probability: Tensor } {
  type Linear = Record<'weight' | 'bias', Tensor>;
  const { base_proj, moe_proj, out_proj } = params as Record<string, Linear>;
  return tidy(() => {
    // one side after the other: on the way back the second is freed before the first is made again
    const left = linear(baseSide, base_proj!.weight);
    const right = linear(moeSide(), moe_proj!.weight);
    return gateWeight(left, right, { leftBias: base_proj!.bias, rightBias: moe_proj!.bias, ...out_proj! });
  });
}

/** Default width of the gate, a quarter of the stream. */
export const gateWidth = (gateSize: number | null, hiddenSize: number): number =>
  gateSize ?? Math.max(1, Math.floor(hiddenSize / 4));

/** Check of a gate's own τ. */
export const thresholdCheck: Check = orNull(number({ min: 0, max: 1 }));

/**
 * Outside training p > τ counts as exactly 1; null or 1 switches that off.
 * @param own τ if the pass names none
 */
export function aboveThreshold(
  baseWeight: Tensor,
  { gateThreshold, training }: FusionInput,
  own: number | null,
): Tensor {
  const threshold = gateThreshold === undefined ? own : gateThreshold;
  if (threshold === null || training) return baseWeight;
  return tidy(() => where(greater(stopGradient(baseWeight), threshold), ones(baseWeight.shape), baseWeight));
}

/** In training 1 for old tokens and 0 for new ones, without a gradient; p itself where no role is known. */
export function forcedByRole(baseWeight: Tensor, { training, roles }: FusionInput): Tensor {
  if (!training || roles === undefined) return baseWeight;
  return tidy(() => {
    const known = reshape(roles, baseWeight.shape);
    const isUnknown = equal(known, LANGUAGE_ROLES.unknown);
    return where(isUnknown, baseWeight, cast(equal(known, LANGUAGE_ROLES.old), 'float32'));
  });
}

/** Output and statistics for a gate's p. */
export function gateResult(input: FusionInput, baseWeight: Tensor): FusionResult {
  return { output: blend(input, baseWeight), baseWeight, auxLosses: {} };
}

/** λ ÷ the tokens of the role in the whole optimizer step; 1 if that count is unknown. */
function scaleOf(strength: number, count: number | undefined): number {
  return count === undefined ? 1 : strength / Math.max(1, count);
}

/** λ ÷ the tokens of a role in this batch, padding excluded: a scalar. */
function ownScale(strength: number, roles: Tensor, documentIds: Tensor, role: 'old' | 'new'): Tensor {
  const isReal = cast(greaterEqual(documentIds, 0), 'float32');
  const count = sum(mul(cast(equal(roles, LANGUAGE_ROLES[role]), 'float32'), isReal));
  return div(strength, clip(count, 1, Number.MAX_SAFE_INTEGER));
}

/**
 * Two-sided prior: λ·mean over old tokens of −log p + λ₂·mean over new tokens of −log(1−p). Computed from the logit,
 * where both are softplus and stay finite. Means divide by the counts of the whole optimizer step (`normalizers`), so
 * that the losses of micro-batches add up to the step's; without `normalizers`, by the batch's own counts.
 * Empty outside training and where roles are unknown.
 */
export function priorLosses(
  logit: Tensor,
  input: FusionInput,
  { oldPrior, newPrior }: { readonly oldPrior: number; readonly newPrior: number },
): Record<string, Tensor> {
  const { training, roles, normalizers } = input;
  if (!training || roles === undefined || (oldPrior === 0 && newPrior === 0)) return {};
  return tidy(() => {
    const documentIds = input.documentIds ?? zeros(roles.shape, 'int32');
    const { positive, negative } = gatePrior(logit, roles, documentIds, {
      positive: LANGUAGE_ROLES.old,
      positiveScale: scaleOf(oldPrior, normalizers?.oldTokens),
      negative: LANGUAGE_ROLES.new,
      negativeScale: scaleOf(newPrior, normalizers?.newTokens),
    });
    const mean = (total: Tensor, strength: number, role: 'old' | 'new'): Tensor =>
      normalizers === undefined ? mul(total, ownScale(strength, roles, documentIds, role)) : total;
    return {
      ...(oldPrior > 0 && { gateOld: mean(positive, oldPrior, 'old') }),
      ...(newPrior > 0 && { gateNew: mean(negative, newPrior, 'new') }),
    };
  });
}
