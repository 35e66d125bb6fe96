import type { Tensor } from '@moect/core';
import { add, causalAttention, reshape, rmsNorm, rope, swiglu } from '@moect/tensor';
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

/** One decoder block: a = x + Attn(Norm₁(x)), y = a + FFN(Norm₂(a)) (arXiv 2302.13971). */
export function llamaBlock(
  x: Tensor,
  layer: number,
  config: LlamaConfig,
  pass: SitePass,
  inputs: BlockInputs,
): Tensor {
  const at = `model.layers.${layer}`;
  const norm1 = rmsNorm(x, pass.weight(`${at}.input_layernorm.weight`), config.rmsNormEps);
  const residual = add(x, attention(norm1, layer, config, pass, inputs));
  const normed = rmsNorm(residual, pass.weight(`${at}.post_attention_layernorm.weight`), config.rmsNormEps);
  const feedForward = (): Tensor => {
    const gate = pass.linear(`${at}.mlp.gate_proj`, normed);
    const up = pass.linear(`${at}.mlp.up_proj`, normed);
    return pass.linear(`${at}.mlp.down_proj`, swiglu(gate, up));
  };
  let base: Tensor | null = null;
  return pass.block(
    at,
    pass.ffn(`${at}.mlp`, {
      residual,
      normed,
      // a branch that replaces the FFN never asks; a scope of the branch may have disposed what was asked for before
      get base() {
        if (base === null || base.isDisposed) base = feedForward();
        return base;
      },
    }),
  );
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
