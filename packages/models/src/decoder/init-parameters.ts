import type { ParamPath, Rng, Tensor } from '@moect/core';
import { ones, randomNormal, zeros } from '@moect/tensor';
import type { DecoderLayout } from './layout.ts';
import type { DecoderConfig } from './model-family.ts';

/** See `initParameters`. */
export function freshParameters(
  { initializerRange, numLayers }: DecoderConfig,
  { parameters }: DecoderLayout,
  rng: Rng,
): Map<ParamPath, Tensor> {
  const residualStd = initializerRange / Math.sqrt(2 * numLayers);
  const made = new Map<ParamPath, Tensor>();
  for (const [name, { shape, fresh }] of parameters) {
    if (fresh === 'zero') made.set(name, zeros(shape));
    else if (fresh === 'one') made.set(name, ones(shape));
    else {
      const std = fresh === 'residual' ? residualStd : initializerRange;
      made.set(name, randomNormal(rng.fork(name), shape, std));
    }
  }
  return made;
}
