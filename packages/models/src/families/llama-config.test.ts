import { InvalidConfigError } from '@moect/core';
import { describe, expect, it } from 'vitest';
import { ropeFrequencies } from '../decoder/rotary/rope-table.ts';
import { parseLlamaConfig } from './llama-config.ts';

const plain = {
  architectures: ['LlamaForCausalLM'],
  hidden_size: 64,
  intermediate_size: 96,
  num_hidden_layers: 3,
  num_attention_heads: 4,
  vocab_size: 100,
};

function problemsOf(config: object): string[] {
  try {
    parseLlamaConfig(config as typeof plain);
  } catch (error) {
    expect(error).toBeInstanceOf(InvalidConfigError);
    return (error as InvalidConfigError).problems.map(({ path }) => path);
  }
  return [];
}

describe('parseLlamaConfig', () => {
  it('fills in what transformers fills in', () => {
    expect(parseLlamaConfig(plain)).toEqual({
      architecture: 'llama',
      hiddenSize: 64,
      intermediateSize: 96,
      numLayers: 3,
      numHeads: 4,
      numKeyValueHeads: 4,
      headDim: 16,
      vocabSize: 100,
      maxPositions: 2048,
      rmsNormEps: 1e-6,
      initializerRange: 0.02,
      rope: { type: 'default', theta: 10000 },
      queryKeyValueBias: false,
      outputBias: false,
      mlpBias: false,
      queryKeyNorm: false,
      tiedHead: false,
      windows: [0, 0, 0],
    });
  });

  it('reads rotary settings of transformers 4 and 5 alike', () => {
    const scaled = { rope_type: 'llama3', factor: 8, low_freq_factor: 1, high_freq_factor: 4 };
    const v4 = {
      ...plain,
      rope_theta: 5e5,
      rope_scaling: { ...scaled, original_max_position_embeddings: 32 },
    };
    const v5 = {
      ...plain,
      rope_parameters: { ...scaled, rope_theta: 5e5, original_max_position_embeddings: 32 },
    };
    expect(parseLlamaConfig(v4).rope).toEqual(parseLlamaConfig(v5).rope);
    expect(parseLlamaConfig(v4).rope).toMatchObject({ type: 'llama3', theta: 5e5, factor: 8 });
  });

  it('knows which members have windows, biases and norms', () => {
    const mistral = { ...plain, architectures: ['MistralForCausalLM'], sliding_window: 8 };
    expect(parseLlamaConfig(mistral).windows).toEqual([8, 8, 8]);
    const qwen2 = { ...plain, architectures: ['Qwen2ForCausalLM'], sliding_window: 8, max_window_layers: 1 };
    expect(parseLlamaConfig(qwen2)).toMatchObject({
      windows: [0, 0, 0],
      queryKeyValueBias: true,
      outputBias: false,
    });
    expect(parseLlamaConfig({ ...qwen2, use_sliding_window: true }).windows).toEqual([0, 8, 8]);
    expect(parseLlamaConfig({ ...plain, architectures: ['Qwen3ForCausalLM'] }).queryKeyNorm).toBe('heads');
  });

  it('reports every problem at once', () => {
    const wrong = {
      ...plain,
      hidden_size: 0,
      vocab_size: '100',
      num_attention_heads: 4,
      num_key_value_heads: 3,
      head_dim: 7,
      hidden_act: 'gelu',
      quantization_config: {},
      tie_word_embeddings: 'yes',
      rope_scaling: { type: 'longrope', factor: 0 },
    };
    expect(problemsOf(wrong).sort()).toEqual([
      'head_dim',
      'hidden_act',
      'hidden_size',
      'num_key_value_heads',
      'quantization_config',
      'rope_scaling.rope_type',
      'tie_word_embeddings',
      'vocab_size',
    ]);
    expect(
      problemsOf({ ...plain, rope_parameters: { rope_type: 'linear', partial_rotary_factor: 0.5 } }).sort(),
    ).toEqual(['rope_parameters.factor', 'rope_parameters.partial_rotary_factor']);
  });

  it('refuses unknown architectures with the list of known ones', () => {
    expect(() => parseLlamaConfig({ ...plain, architectures: ['BloomForCausalLM'] })).toThrow(
      /BloomForCausalLM.*known: LlamaForCausalLM, MistralForCausalLM/,
    );
    expect(problemsOf({ model_type: 'toString' })).toEqual(['architectures']);
  });
});

describe('ropeFrequencies', () => {
  const rope = (settings: object): Float64Array => {
    const { rope: parsed, headDim } = parseLlamaConfig({ ...plain, rope_scaling: settings } as typeof plain);
    return ropeFrequencies(parsed, headDim, 0);
  };
  const base = rope({ rope_type: 'default' });

  it('has closed forms', () => {
    expect(base[0]).toBe(1);
    expect(base[4]).toBeCloseTo(0.01, 12);
    expect([...rope({ rope_type: 'linear', factor: 4 })]).toEqual([...base].map((f) => f / 4));
    // neutral factors leave everything as it was
    const same = { factor: 1, original_max_position_embeddings: 32, low_freq_factor: 1, high_freq_factor: 4 };
    for (const type of ['yarn', 'llama3', 'dynamic']) {
      for (const [i, f] of rope({ rope_type: type, ...same }).entries()) expect(f).toBeCloseTo(base[i]!, 14);
    }
  });
});
