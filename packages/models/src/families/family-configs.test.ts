import { InvalidConfigError, type JsonObject } from '@moect/core';
import { createRng, dispose, tensor, zeros } from '@moect/tensor';
import { maxDifference, selectBackend } from '@moect/tensor/testing';
import { fixture } from 'moect-test-support/fixtures';
import { beforeAll, describe, expect, it } from 'vitest';
import { alibiSlopes } from '../decoder/linear-bias.ts';
import { loadHuggingFaceFolder } from '../node/load-folder.ts';
import { createModel, initParameters, parameterShapes } from './create-model.ts';

const sizes = {
  vocab_size: 23,
  hidden_size: 16,
  intermediate_size: 20,
  num_hidden_layers: 2,
  num_attention_heads: 4,
};

const bloom = { model_type: 'bloom', vocab_size: 23, hidden_size: 16, n_head: 4, n_layer: 1 };

function problemsOf(config: JsonObject): string[] {
  try {
    parameterShapes(config);
  } catch (error) {
    expect(error).toBeInstanceOf(InvalidConfigError);
    return (error as InvalidConfigError).problems.map(({ path }) => path);
  }
  return [];
}

const refused: [model_type: string, change: JsonObject, problems: string[]][] = [
  ['gemma2', { use_bidirectional_attention: true }, ['use_bidirectional_attention']],
  ['gemma2', { hidden_activation: 'mish' }, ['hidden_activation']],
  ['gemma2', { attn_logit_softcapping: -1 }, ['attn_logit_softcapping']],
  ['gemma2', { layer_types: ['full_attention', 'chunked_attention'] }, ['layer_types']],
  ['gemma3_text', { attn_logit_softcapping: 50 }, ['attn_logit_softcapping']],
  [
    'gemma3_text',
    { rope_parameters: { full_attention: { rope_type: 'longrope', factor: 2 }, sliding_attention: {} } },
    ['rope_parameters.full_attention.rope_type'],
  ],
  [
    'gemma3_text',
    { rope_parameters: 3 },
    ['rope_parameters.full_attention', 'rope_parameters.sliding_attention'],
  ],
  [
    'phi3',
    { rope_scaling: { type: 'longrope', short_factor: [], long_factor: [] } },
    ['rope_scaling.rope_type'],
  ],
  ['phi3', { partial_rotary_factor: 0.3 }, ['partial_rotary_factor']],
  [
    'olmo2',
    { hidden_act: 'gelu', rope_parameters: { partial_rotary_factor: 0.5 } },
    ['hidden_act', 'rope_parameters.partial_rotary_factor'],
  ],
  [
    'bloom',
    { apply_residual_connection_post_layernorm: true, n_head: 3 },
    ['apply_residual_connection_post_layernorm', 'n_head'],
  ],
  ['bloom', { num_attention_heads: 8 }, ['n_head']],
  [
    'qwen',
    { no_bias: false, scale_attn_weights: false, kv_channels: 3, rotary_pct: 0.5 },
    ['kv_channels', 'no_bias', 'rotary_pct', 'scale_attn_weights'],
  ],
  [
    'qwen',
    { intermediate_size: 21, use_cache_quantization: true },
    ['intermediate_size', 'use_cache_quantization'],
  ],
  ['mixtral', { num_local_experts: 2, num_experts_per_tok: 3 }, ['num_experts_per_tok']],
  ['olmoe', { clip_qkv: 8 }, ['clip_qkv']],
  [
    'qwen2_moe',
    { use_sliding_window: true, mlp_only_layers: 'none' },
    ['mlp_only_layers', 'use_sliding_window'],
  ],
];

describe('configurations', () => {
  it.each(refused)('of %s with %j are refused, naming every problem', (model_type, change, problems) => {
    const base = model_type === 'bloom' ? bloom : { ...sizes, model_type };
    expect(problemsOf(base)).toEqual([]);
    expect(problemsOf({ ...base, ...change }).sort()).toEqual(problems);
  });

  it('of relatives that compute otherwise are unknown', () => {
    for (const name of [
      'GemmaForCausalLM',
      'Gemma3ForConditionalGeneration',
      'Phi3SmallForCausalLM',
      'OlmoForCausalLM',
    ]) {
      expect(() => parameterShapes({ ...sizes, architectures: [name] })).toThrow(
        new RegExp(`${name}.*known: `),
      );
    }
  });
});

describe('alibiSlopes', () => {
  // values of the code published with the paper
  it('are powers of two, and every second one of twice as many heads for the rest', () => {
    expect(alibiSlopes(4)).toEqual([1 / 4, 1 / 16, 1 / 64, 1 / 256]);
    expect(alibiSlopes(6)).toEqual([1 / 4, 1 / 16, 1 / 64, 1 / 256, 1 / 2, 1 / 8]);
    expect(alibiSlopes(1)).toEqual([1 / 256]);
  });
});

describe('the first Qwen', () => {
  it('refuses texts beyond seq_length where its rules for them are on', async () => {
    await selectBackend('cpu');
    const config = {
      ...sizes,
      model_type: 'qwen',
      kv_channels: 4,
      seq_length: 5,
      max_position_embeddings: 32,
    };
    const tokens = zeros([1, 6], 'int32');
    const bounded = createModel(config, initParameters(config, createRng(1)));
    expect(() => bounded.forward(tokens)).toThrow(/5 positions and no more/);
    bounded.dispose();
    const off = { ...config, use_dynamic_ntk: false, use_logn_attn: false };
    const free = createModel(off, initParameters(off, createRng(1)));
    dispose([free.forward(tokens), tokens]);
    expect(free.maxPositions).toBe(32);
    free.dispose();
  });
});

describe('weights that are kept in fewer bytes', () => {
  beforeAll(async () => void (await selectBackend('wasm')));

  // bfloat16 keeps 8 bits: logits of order 2 move by some hundredths, not by whole numbers as with swapped matrices
  it.each(['gemma2', 'phi3', 'bloom', 'mixtral', 'qwen2-moe'])(
    'compute the same but for rounding: %s',
    async (name) => {
      const folder = fixture(`models/${name}`);
      const [whole, small] = [
        (await loadHuggingFaceFolder(folder)).model,
        (await loadHuggingFaceFolder(folder, { frozenStorage: 'bfloat16' })).model,
      ];
      const tokens = tensor([5, 9, 17, 3, 44, 8], [1, 6], 'int32');
      const [a, b] = [whole.forward(tokens), small.forward(tokens)];
      const off = maxDifference(await a.logits.data(), await b.logits.data());
      expect(off).toBeGreaterThan(0);
      expect(off).toBeLessThan(0.15);
      dispose([tokens, a, b]);
      whole.dispose();
      small.dispose();
    },
  );
});
