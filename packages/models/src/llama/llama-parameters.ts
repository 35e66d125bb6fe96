import type { JsonObject, ParamPath, Rng, Tensor } from '@moect/core';
import { ones, randomNormal, zeros } from '@moect/tensor';
import { type LlamaConfig, parseLlamaConfig } from './llama-config.ts';

/** Shapes by Hugging Face name, in the order of the forward pass. Linear weights are [out, in]. */
export function llamaParameterShapes(config: LlamaConfig): Map<ParamPath, readonly number[]> {
  const { hiddenSize, vocabSize } = config;
  const shapes = new Map<ParamPath, readonly number[]>([
    ['model.embed_tokens.weight', [vocabSize, hiddenSize]],
  ]);
  for (let layer = 0; layer < config.numLayers; layer++) {
    for (const [name, shape] of layerShapes(config)) shapes.set(`model.layers.${layer}.${name}`, shape);
  }
  shapes.set('model.norm.weight', [hiddenSize]);
  if (!config.tiedHead) shapes.set('lm_head.weight', [vocabSize, hiddenSize]);
  return shapes;
}

function layerShapes(config: LlamaConfig): [string, readonly number[]][] {
  const { hiddenSize, intermediateSize, headDim } = config;
  const [queries, keys] = [config.numHeads * headDim, config.numKeyValueHeads * headDim];
  const linear = (name: string, out: number, input: number, bias: boolean): [string, readonly number[]][] =>
    bias
      ? [
          [`${name}.weight`, [out, input]],
          [`${name}.bias`, [out]],
        ]
      : [[`${name}.weight`, [out, input]]];
  const headNorms: [string, readonly number[]][] = config.queryKeyNorm
    ? [
        ['self_attn.q_norm.weight', [headDim]],
        ['self_attn.k_norm.weight', [headDim]],
      ]
    : [];
  return [
    ['input_layernorm.weight', [hiddenSize]],
    ...linear('self_attn.q_proj', queries, hiddenSize, config.queryKeyValueBias),
    ...linear('self_attn.k_proj', keys, hiddenSize, config.queryKeyValueBias),
    ...linear('self_attn.v_proj', keys, hiddenSize, config.queryKeyValueBias),
    ...headNorms,
    ...linear('self_attn.o_proj', hiddenSize, queries, config.outputBias),
    ['post_attention_layernorm.weight', [hiddenSize]],
    ...linear('mlp.gate_proj', intermediateSize, hiddenSize, config.mlpBias),
    ...linear('mlp.up_proj', intermediateSize, hiddenSize, config.mlpBias),
    ...linear('mlp.down_proj', hiddenSize, intermediateSize, config.mlpBias),
  ];
}

/**
 * Fresh weights for pretraining: N(0, initializer_range²), the two projections back into the stream divided by
 * √(2 · layers) (GPT-2 paper, section 2.3), norms 1, biases 0. Each weight has a random stream of its own.
 * @param config contents of a config.json
 * Throws InvalidConfigError.
 */
export function initLlamaParameters(config: JsonObject, rng: Rng): Map<ParamPath, Tensor> {
  const parsed = parseLlamaConfig(config);
  const residualStd = parsed.initializerRange / Math.sqrt(2 * parsed.numLayers);
  const parameters = new Map<ParamPath, Tensor>();
  for (const [name, shape] of llamaParameterShapes(parsed)) {
    if (name.endsWith('.bias')) parameters.set(name, zeros(shape));
    else if (shape.length === 1) parameters.set(name, ones(shape));
    else {
      const isResidual = name.endsWith('o_proj.weight') || name.endsWith('down_proj.weight');
      const std = isResidual ? residualStd : parsed.initializerRange;
      parameters.set(name, randomNormal(rng.fork(name), shape, std));
    }
  }
  return parameters;
}
