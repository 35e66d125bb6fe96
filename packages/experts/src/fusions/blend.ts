import type { Tensor } from '@moect/core';
import { add, equal, gatedBlend, remake, stopGradient, tidy, where } from '@moect/tensor';

/**
 * y = a + p·f + (1−p)·m, computed as a + (f + (1−p)·(m−f)): this gives the base's bits where m = f, and also where
 * p = 1. There, outside training, the branch cannot leak even if it is infinite or not a number.
 * @param baseWeight p, [batch, time, 1]
 */
export function blend(
  input: {
    readonly residual: Tensor;
    readonly base: Tensor;
    readonly moe: Tensor;
    readonly training: boolean;
  },
  baseWeight: Tensor,
): Tensor {
  return tidy(() => {
    const { residual, base, moe } = input;
    const mixed = remake({ residual, base, moe, baseWeight }, (given) =>
      gatedBlend(given.residual, given.base, given.moe, given.baseWeight),
    );
    return input.training ? mixed : unlessBaseOnly(add(residual, base), mixed, baseWeight);
  });
}

/** `base` where p is exactly 1, else `changed`. */
export function unlessBaseOnly(base: Tensor, changed: Tensor, baseWeight: Tensor): Tensor {
  return tidy(() => where(equal(stopGradient(baseWeight), 1), base, changed));
}
