import type { FfnInput, Tensor } from '@moect/core';
import { add, causalAttention, remake, reshape, rmsNorm, rope, swiglu, tidy } from '@moect/tensor';
import type { LayerKeys } from './llama-cache.ts';
import type { LlamaConfig } from './llama-config.ts';
import type { SitePass } from './site-pass.ts';

/** What a layer reads besides the stream. */
export interface BlockInputs {
  readonly cos: Tensor;
  readonly sin: Tensor;
  /** [batch, time] int32 */
  readonly positions: Tensor;
  /** [batch, time] int32 */
  readonly documentIds: Tensor;
  /** [batch, keys] int32 */
  readonly keyDocumentIds: Tensor;
  /** Adds the layer's new keys and values to the cached ones. */
  extendKeys(added: LayerKeys): LayerKeys;
}

/** First half of a decoder block: a = x + Attn(Norm₁(x)) (arXiv 2302.13971). */
export function attentionHalf(
  x: Tensor,
  layer: number,
  config: LlamaConfig,
  pass: SitePass,
  inputs: BlockInputs,
): Tensor {
  const weight = pass.weight(`model.layers.${layer}.input_layernorm.weight`);
  return add(x, attention(rmsNorm(x, weight, config.rmsNormEps), layer, config, pass, inputs));
}

/**
 * What the FFN site of a block reads.
 * @param base f, where it is known already
 */
export function ffnInput(
  residual: Tensor,
  layer: number,
  { rmsNormEps }: LlamaConfig,
  pass: SitePass,
  base: Tensor | null = null,
): FfnInput {
  const at = `model.layers.${layer}`;
  const weight = pass.weight(`${at}.post_attention_layernorm.weight`);
  const norm = (given: { residual: Tensor }): Tensor => rmsNorm(given.residual, weight, rmsNormEps);
  // a frozen FFN keeps no input, so what is beside it should not either
  const normed = pass.hasBranch(`${at}.mlp`) ? remake({ residual }, norm) : norm({ residual });
  const feedForward = (): Tensor =>
    tidy(() => {
      const gate = pass.linear(`${at}.mlp.gate_proj`, normed);
      const up = pass.linear(`${at}.mlp.up_proj`, normed);
      return pass.linear(`${at}.mlp.down_proj`, swiglu(gate, up));
    });
  let found = base;
  return {
    residual,
    normed,
    // a branch that replaces the FFN never asks; a scope of the branch may have disposed what was asked for before
    get base() {
      if (found === null || found.isDisposed) found = feedForward();
      return found;
    },
  };
}

/** Second half of a decoder block: y = a + FFN(Norm₂(a)), and what is attached. */
export function ffnHalf(input: FfnInput, layer: number, pass: SitePass): Tensor {
  const at = `model.layers.${layer}`;
  return pass.block(at, pass.ffn(`${at}.mlp`, input));
}

function attention(
  x: Tensor,
  layer: number,
  config: LlamaConfig,
  pass: SitePass,
  inputs: BlockInputs,
): Tensor {
  const at = `model.layers.${layer}.self_attn`;
  const [batch, time] = x.shape as [number, number, number];
  const { headDim, numHeads, numKeyValueHeads } = config;
  const project = (name: string, heads: number): Tensor =>
    reshape(pass.linear(`${at}.${name}_proj`, x), [batch, time, heads, headDim]);
  const rotate = (heads: Tensor, name: string): Tensor => {
    const normed = config.queryKeyNorm
      ? rmsNorm(heads, pass.weight(`${at}.${name}_norm.weight`), config.rmsNormEps)
      : heads;
    return rope(normed, inputs.cos, inputs.sin, inputs.positions);
  };
  const queries = rotate(project('q', numHeads), 'q');
  const { keys, values } = inputs.extendKeys({
    keys: rotate(project('k', numKeyValueHeads), 'k'),
    values: project('v', numKeyValueHeads),
  });
  const mixed = causalAttention(queries, keys, values, {
    scale: 1 / Math.sqrt(headDim),
    window: config.windows[layer]!,
    queryDocumentIds: inputs.documentIds,
    keyDocumentIds: inputs.keyDocumentIds,
  });
  return pass.linear(`${at}.o_proj`, reshape(mixed, [batch, time, numHeads * headDim]));
}
