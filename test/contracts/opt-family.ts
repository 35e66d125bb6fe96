import type { Tensor } from '@moect/core';
import {
  type DecoderConfig,
  decoderFields,
  fieldReader,
  layerNormSpec,
  linearSpec,
  type ModelFamily,
} from '@moect/models';
import { add, embedding, scalar } from '@moect/tensor';

type OptConfig = DecoderConfig & { readonly numHeads: number; readonly ffnSize: number };

const [TOKENS, POSITIONS] = ['model.decoder.embed_tokens', 'model.decoder.embed_positions'];
/** Rows at the start of the table of positions that no token has. */
const OFFSET = 2;

/** OPT (arXiv 2205.01068), written outside the packages. */
export const opt: ModelFamily<OptConfig> = {
  name: 'opt',
  architectures: ['OPTForCausalLM'],
  head: 'lm_head',
  matches: ({ model_type }) => model_type === 'opt',
  parse(json, what) {
    const fields = fieldReader(json, what);
    const common = decoderFields(fields, { maxPositions: 2048, tiedHead: true });
    const [numHeads, ffnSize] = [fields.count('num_attention_heads'), fields.count('ffn_dim')];
    if (json['do_layer_norm_before'] === false) fields.problem('do_layer_norm_before', 'must be true');
    fields.finish();
    return { architecture: 'opt', hasLearnedPositions: true, ...common, numHeads, ffnSize };
  },
  embeddings: ({ vocabSize, maxPositions }) => [
    { name: TOKENS, rows: vocabSize },
    { name: POSITIONS, rows: maxPositions + OFFSET },
  ],
  embed(_config, tokens, positions, table) {
    const rows = add(positions, scalar(OFFSET, 'int32'));
    return add(embedding(table(TOKENS), tokens), embedding(table(POSITIONS), rows));
  },
  layer({ hiddenSize, ffnSize }, index) {
    const [square, bias] = [[hiddenSize, hiddenSize] as const, { bias: true }];
    const up = linearSpec('fc1', 'ffn-up', [hiddenSize, ffnSize], bias);
    const down = linearSpec('fc2', 'ffn-down', [ffnSize, hiddenSize], bias);
    return {
      name: `model.decoder.layers.${index}`,
      attention: [
        layerNormSpec('self_attn_layer_norm', hiddenSize, 1e-5),
        linearSpec('self_attn.q_proj', 'attention-query', square, bias),
        linearSpec('self_attn.k_proj', 'attention-key', square, bias),
        linearSpec('self_attn.v_proj', 'attention-value', square, bias),
        linearSpec('self_attn.out_proj', 'attention-output', square, bias),
      ],
      ffnNorm: layerNormSpec('final_layer_norm', hiddenSize, 1e-5),
      ffn: { name: 'mlp', activation: 'relu', up, down },
      ffnReads: 'attention',
    };
  },
  attention({ numHeads }, _index, x, pass) {
    const normed = pass.norm('self_attn_layer_norm', x);
    const heads = (name: string): Tensor =>
      pass.heads(pass.linear(`self_attn.${name}_proj`, normed), numHeads);
    return pass.linear('self_attn.out_proj', pass.attend(heads('q'), heads('k'), heads('v')));
  },
  finalNorm: ({ hiddenSize }) => layerNormSpec('model.decoder.final_layer_norm', hiddenSize, 1e-5),
};
