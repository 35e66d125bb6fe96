import {
  type FusionInput,
  type FusionResult,
  LANGUAGE_ROLES,
  type ParamTree,
  type Rng,
  type Tensor,
} from '@moect/core';
import { withoutGradient } from '@moect/router';
import {
  add,
  cast,
  clip,
  div,
  equal,
  greater,
  greaterEqual,
  linear,
  mul,
  neg,
  ones,
  randomNormal,
  reshape,
  scalar,
  sigmoid,
  softplus,
  sum,
  tanh,
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
 * Logit of p, [batch, time, 1].
 * @param baseSide u, what stands for the base; @param moeSide v, what stands for the branch; both [batch, time, d]
 */
export function gateLogit(params: ParamTree, baseSide: Tensor, moeSide: Tensor): Tensor {
  const apply = (name: string, x: Tensor): Tensor => {
    const { weight, bias } = params[name] as Record<'weight' | 'bias', Tensor>;
    return linear(x, weight, bias);
  };
  return tidy(() => apply('out_proj', tanh(add(apply('base_proj', baseSide), apply('moe_proj', moeSide)))));
}

/** Default width of the gate, a quarter of the stream. */
export const gateWidth = (gateSize: number | null, hiddenSize: number): number =>
  gateSize ?? Math.max(1, Math.floor(hiddenSize / 4));

/** At inference p > τ counts as exactly 1; null or 1 switches that off. */
export function snapWeight(baseWeight: Tensor, snap: number | null, training: boolean): Tensor {
  if (snap === null || training) return baseWeight;
  return tidy(() =>
    where(
      withoutGradient(baseWeight, (p) => greater(p, snap)),
      ones(baseWeight.shape),
      baseWeight,
    ),
  );
}

/** Output and statistics for a gate's p. */
export function gateResult(input: FusionInput, baseWeight: Tensor): FusionResult {
  return { output: blend(input, baseWeight), baseWeight, auxLosses: {} };
}

/** σ(logit), snapped at inference. */
export function softWeight(logit: Tensor, snap: number | null, training: boolean): Tensor {
  return tidy(() => snapWeight(sigmoid(logit), snap, training));
}

/** Mean over the tokens of one role: Σ over this batch ÷ the number in the whole optimizer step. */
function roleMean(values: Tensor, input: FusionInput, role: 'old' | 'new'): Tensor {
  const { roles, documentIds, normalizers } = input;
  const ofRole = cast(equal(roles!, LANGUAGE_ROLES[role]), 'float32');
  const shown =
    documentIds === undefined ? ofRole : mul(ofRole, cast(greaterEqual(documentIds, 0), 'float32'));
  const mask = reshape(shown, values.shape);
  const total = sum(mul(values, mask));
  const count = normalizers?.[role === 'old' ? 'oldTokens' : 'newTokens'];
  if (count === undefined) return div(total, clip(sum(mask), 1, Number.MAX_SAFE_INTEGER));
  return div(total, scalar(Math.max(1, count)));
}

/**
 * Two-sided prior: λ·mean over old tokens of −log p + λ₂·mean over new tokens of −log(1−p). From the logit, where both
 * are softplus and stay finite. Means divide by the counts of the whole optimizer step (`normalizers`), so that the
 * losses of micro-batches add up to the step's; without those, by the batch's own counts.
 * Empty outside training and where roles are unknown.
 */
export function gatePrior(
  logit: Tensor,
  input: FusionInput,
  strength: { readonly oldPrior: number; readonly newPrior: number },
): Record<string, Tensor> {
  if (!input.training || input.roles === undefined) return {};
  const { oldPrior, newPrior } = strength;
  return tidy(() => ({
    ...(oldPrior > 0 && { gateOld: mul(roleMean(softplus(neg(logit)), input, 'old'), oldPrior) }),
    ...(newPrior > 0 && { gateNew: mul(roleMean(softplus(logit), input, 'new'), newPrior) }),
  }));
}
