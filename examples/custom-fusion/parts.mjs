import { InvalidConfigError } from '@moect/core';
import { add, mul, ones, sigmoid, sub, tensor, tidy } from '@moect/tensor';

/**
 * One weight of the base for each layer, learned: y = a + p·f + (1−p)·m with p = σ(b). It knows no languages, so use it
 * in a pack that is combined by `mixture` or `known`. `start` is p before training. Throws InvalidConfigError.
 * @param {{ readonly start?: number }} options
 * @returns {import('@moect/core').Fusion}
 */
export function layerWeight({ start = 0.5 } = {}) {
  if (!(start > 0 && start < 1)) {
    throw new InvalidConfigError('layerWeight', [
      { path: 'start', message: `must be above 0 and below 1, is ${start}` },
    ]);
  }
  return {
    contract: 'fusion/1',
    name: 'layer-weight',
    init: () => ({ bias: tensor([Math.log(start / (1 - start))], [1]) }),
    fuse: ({ bias }, { residual, base, moe }) =>
      tidy(() => {
        const [batch, time] = residual.shape;
        const baseWeight = mul(ones([batch, time, 1]), sigmoid(bias));
        // in this order y is exactly a + f where m = f
        const change = mul(sub(1, baseWeight), sub(moe, base));
        return { output: add(add(residual, base), change), baseWeight, auxLosses: {} };
      }),
  };
}

export const parts = { fusions: { 'layer-weight': layerWeight } };
