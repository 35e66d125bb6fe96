import type { ParamTree, Rng, Site, Tensor } from '@moect/core';
import { linear, mul, tensor, tidy, zeros } from '@moect/tensor';

export type LowRank = { readonly lora_A: { weight: Tensor }; readonly lora_B: { weight: Tensor } };

/**
 * A [rank, in] uniform in ±1/√in (Kaiming with a = √5, as PEFT) and B [out, rank] zero (LoRA, arXiv 2106.09685): the
 * update starts at exactly 0.
 */
export function initLowRank(rng: Rng, site: Pick<Site, 'inSize' | 'outSize'>, rank: number): LowRank {
  const bound = 1 / Math.sqrt(site.inSize);
  return {
    lora_A: { weight: tensor(rng.uniform(rank * site.inSize, -bound, bound), [rank, site.inSize]) },
    lora_B: { weight: zeros([site.outSize, rank]) },
  };
}

/**
 * scale · B·A·x, [..., out]. The scale is put on the narrow middle, where it costs least.
 * @param scale number, or a tensor [..., 1]
 */
export function lowRankUpdate(params: ParamTree, x: Tensor, scale: number | Tensor): Tensor {
  const { lora_A, lora_B } = params as unknown as LowRank;
  return tidy(() => linear(mul(linear(x, lora_A.weight), scale), lora_B.weight));
}
