import type { Tensor } from '@moect/core';
import type { LayerPass, LayerSpec, ModelFamily } from '../decoder/model-family.ts';
import { LLAMA_ARCHITECTURES, type LlamaConfig, llamaMember, parseLlamaConfig } from './llama-config.ts';
import { linearSpec, rmsNormSpec } from './modules.ts';

function layer(config: LlamaConfig, index: number): LayerSpec {
  const { hiddenSize, intermediateSize, headDim, rmsNormEps } = config;
  const [queries, keys] = [config.numHeads * headDim, config.numKeyValueHeads * headDim];
  const bias = config.queryKeyValueBias;
  const headNorms = config.queryKeyNorm ? (['q', 'k'] as const) : [];
  const inner = { bias: config.mlpBias };
  return {
    name: `model.layers.${index}`,
    attention: [
      rmsNormSpec('input_layernorm', hiddenSize, rmsNormEps),
      linearSpec('self_attn.q_proj', 'attention-query', [hiddenSize, queries], { bias }),
      linearSpec('self_attn.k_proj', 'attention-key', [hiddenSize, keys], { bias }),
      linearSpec('self_attn.v_proj', 'attention-value', [hiddenSize, keys], { bias }),
      ...headNorms.map((name) => rmsNormSpec(`self_attn.${name}_norm`, headDim, rmsNormEps)),
      linearSpec('self_attn.o_proj', 'attention-output', [queries, hiddenSize], { bias: config.outputBias }),
    ],
    ffnNorm: rmsNormSpec('post_attention_layernorm', hiddenSize, rmsNormEps),
    ffn: {
      name: 'mlp',
      activation: 'silu',
      gate: linearSpec('mlp.gate_proj', 'ffn-gate', [hiddenSize, intermediateSize], inner),
      up: linearSpec('mlp.up_proj', 'ffn-up', [hiddenSize, intermediateSize], inner),
      down: linearSpec('mlp.down_proj', 'ffn-down', [intermediateSize, hiddenSize], inner),
    },
    ffnReads: 'attention',
  };
}

function attention(config: LlamaConfig, index: number, x: Tensor, pass: LayerPass): Tensor {
  const normed = pass.norm('input_layernorm', x);
  const project = (name: string, count: number): Tensor =>
    pass.heads(pass.linear(`self_attn.${name}_proj`, normed), count);
  const rotated = (name: string, count: number): Tensor => {
    const heads = project(name, count);
    return pass.rotate(config.queryKeyNorm ? pass.norm(`self_attn.${name}_norm`, heads) : heads);
  };
  const queries = rotated('q', config.numHeads);
  const keys = rotated('k', config.numKeyValueHeads);
  const values = project('v', config.numKeyValueHeads);
  return pass.linear('self_attn.o_proj', pass.attend(queries, keys, values, config.windows[index]!));
}

/** Llama (arXiv 2302.13971), Mistral, Qwen2 and Qwen3: the same tensor names, small differences. */
export const llama: ModelFamily<LlamaConfig> = {
  name: 'llama',
  architectures: LLAMA_ARCHITECTURES,
  head: 'lm_head',
  matches: (json) => llamaMember(json) !== null,
  parse: parseLlamaConfig,
  embeddings: ({ vocabSize }) => [{ name: 'model.embed_tokens', rows: vocabSize }],
  layer,
  finalNorm: ({ hiddenSize, rmsNormEps }) => rmsNormSpec('model.norm', hiddenSize, rmsNormEps),
  rotary: ({ rope, headDim, maxPositions }) => ({ rope, rotaryDim: headDim, maxPositions }),
  // tables that old checkpoints carry and every program computes itself
  buffers: ({ numLayers }) => [
    'model.rotary_emb.inv_freq',
    ...Array.from({ length: numLayers }, (_, i) => `model.layers.${i}.self_attn.rotary_emb.inv_freq`),
  ],
  attention,
};
