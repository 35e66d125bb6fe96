import { decoderFields, fieldReader, layerNormSpec, linearSpec } from '@moect/models';
import { add, embedding, scalar } from '@moect/tensor';

const [TOKENS, POSITIONS] = ['model.decoder.embed_tokens', 'model.decoder.embed_positions'];
/** Rows at the start of the table of positions that no token uses. */
const OFFSET = 2;

/**
 * OPT (arXiv 2205.01068): learned positions, layer norms, plain feed-forward networks with ReLU, biases everywhere.
 * @type {import('@moect/models').ModelFamily<any>}
 */
export const opt = {
  name: 'opt',
  architectures: ['OPTForCausalLM'],
  head: 'lm_head',
  matches: ({ model_type }) => model_type === 'opt',
  parse(json, what) {
    const fields = fieldReader(json, what);
    const common = decoderFields(fields, { maxPositions: 2048, tiedHead: true });
    const [numHeads, ffnSize] = [fields.count('num_attention_heads'), fields.count('ffn_dim')];
    if (json.do_layer_norm_before === false) fields.problem('do_layer_norm_before', 'must be true');
    fields.finish();
    return { architecture: 'opt', hasLearnedPositions: true, ...common, numHeads, ffnSize };
  },
  embeddings: ({ vocabSize, maxPositions }) => [
    { name: TOKENS, rows: vocabSize },
    { name: POSITIONS, rows: maxPositions + OFFSET },
  ],
  embed: (_config, tokens, positions, table) =>
    add(
      embedding(table(TOKENS), tokens),
      embedding(table(POSITIONS), add(positions, scalar(OFFSET, 'int32'))),
    ),
  layer({ hiddenSize, ffnSize }, index) {
    const linear = (name, role, inSize, outSize) => linearSpec(name, role, [inSize, outSize], { bias: true });
    const square = (name, role) => linear(`self_attn.${name}`, role, hiddenSize, hiddenSize);
    const [up, down] = [
      linear('fc1', 'ffn-up', hiddenSize, ffnSize),
      linear('fc2', 'ffn-down', ffnSize, hiddenSize),
    ];
    return {
      name: `model.decoder.layers.${index}`,
      attention: [
        layerNormSpec('self_attn_layer_norm', hiddenSize, 1e-5),
        square('q_proj', 'attention-query'),
        square('k_proj', 'attention-key'),
        square('v_proj', 'attention-value'),
        square('out_proj', 'attention-output'),
      ],
      ffnNorm: layerNormSpec('final_layer_norm', hiddenSize, 1e-5),
      ffn: { name: 'mlp', activation: 'relu', up, down },
      ffnReads: 'attention',
    };
  },
  attention({ numHeads }, _index, x, pass) {
    const normed = pass.norm('self_attn_layer_norm', x);
    const heads = (name) => pass.heads(pass.linear(`self_attn.${name}_proj`, normed), numHeads);
    return pass.linear('self_attn.out_proj', pass.attend(heads('q'), heads('k'), heads('v')));
  },
  finalNorm: ({ hiddenSize }) => layerNormSpec('model.decoder.final_layer_norm', hiddenSize, 1e-5),
};

export const parts = { families: [opt] };
