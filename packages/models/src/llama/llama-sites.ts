import type { Site } from '@moect/core';
import type { LlamaConfig } from './llama-config.ts';

/** Places where extensions may attach, in the order in which the forward pass meets them. */
export function llamaSites(config: LlamaConfig): Site[] {
  const { hiddenSize, intermediateSize, vocabSize, headDim } = config;
  const [queries, keys] = [config.numHeads * headDim, config.numKeyValueHeads * headDim];
  const sites: Site[] = [];
  for (let layer = 0; layer < config.numLayers; layer++) {
    const at = `model.layers.${layer}`;
    const put = (kind: Site['kind'], name: string, inSize: number, outSize: number): void => {
      sites.push({ name: `${at}${name}`, kind, layer, inSize, outSize });
    };
    put('linear', '.self_attn.q_proj', hiddenSize, queries);
    put('linear', '.self_attn.k_proj', hiddenSize, keys);
    put('linear', '.self_attn.v_proj', hiddenSize, keys);
    put('linear', '.self_attn.o_proj', queries, hiddenSize);
    put('linear', '.mlp.gate_proj', hiddenSize, intermediateSize);
    put('linear', '.mlp.up_proj', hiddenSize, intermediateSize);
    put('linear', '.mlp.down_proj', intermediateSize, hiddenSize);
    put('ffn', '.mlp', hiddenSize, hiddenSize);
    put('block', '', hiddenSize, hiddenSize);
  }
  sites.push({ name: 'lm_head', kind: 'head', layer: null, inSize: hiddenSize, outSize: vocabSize });
  return sites;
}
