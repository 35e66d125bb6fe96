/** `config.json` of the demo's base: 1.37 M parameters. */
export const BASE_CONFIG = {
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  hidden_size: 128,
  intermediate_size: 352,
  num_hidden_layers: 6,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  vocab_size: 2048,
  max_position_embeddings: 256,
  rms_norm_eps: 1e-5,
  rope_theta: 10_000,
  hidden_act: 'silu',
  initializer_range: 0.02,
  tie_word_embeddings: true,
  attention_bias: false,
  mlp_bias: false,
  bos_token_id: 0,
  eos_token_id: 1,
  torch_dtype: 'bfloat16',
} as const;

/** Settings that the base was pretrained with. */
export const PRETRAINING = {
  files: { 'eng_Latn.jsonl': 'eng_Latn', 'zho_Hans.jsonl': 'zho_Hans', 'sprinkle.jsonl': 'mul' },
  weights: { eng_Latn: 0.485, zho_Hans: 0.485, mul: 0.03 },
  tokens: 25_200_000,
  batchSize: 32,
  sequenceLength: 128,
  learningRate: 3e-3,
  weightDecay: 0.1,
  seed: 1,
} as const;
