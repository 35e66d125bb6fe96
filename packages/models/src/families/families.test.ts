import {
  CorruptDataError,
  InvalidConfigError,
  type JsonObject,
  NoMatchingParameterError,
  ShapeMismatchError,
} from '@moect/core';
import { type HostTensor, storeOfTensors } from '@moect/safetensors';
import { createRng, dispose, tensor, zeros } from '@moect/tensor';
import { selectBackend } from '@moect/tensor/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import type { ModelFamily } from '../decoder/model-family.ts';
import { generate } from '../generation/generate.ts';
import { loadModel } from '../hf/load-model.ts';
import { loadParameters } from '../hf/load-parameters.ts';
import { createModel, initParameters, parameterShapes } from './create-model.ts';
import { llama } from './llama.ts';
import { familyOf, MODEL_FAMILIES } from './registry.ts';

const gpt2 = { model_type: 'gpt2', vocab_size: 23, n_embd: 16, n_head: 4, n_layer: 2, n_positions: 10 };
const neox = {
  model_type: 'gpt_neox',
  vocab_size: 23,
  hidden_size: 16,
  intermediate_size: 20,
  num_attention_heads: 2,
  num_hidden_layers: 2,
  rotary_pct: 0.5,
};

function problemsOf(config: JsonObject): string[] {
  try {
    parameterShapes(config);
  } catch (error) {
    expect(error).toBeInstanceOf(InvalidConfigError);
    return (error as InvalidConfigError).problems.map(({ path }) => path);
  }
  return [];
}

beforeAll(async () => void (await selectBackend('cpu')));

describe('the registry', () => {
  it('finds the family of a config.json by its architecture, or by its model type', () => {
    for (const family of MODEL_FAMILIES) {
      for (const name of family.architectures) expect(familyOf({ architectures: [name] })).toBe(family);
    }
    expect([familyOf(gpt2).name, familyOf(neox).name]).toEqual(['gpt2', 'gpt-neox']);
    // the architecture counts where both are there
    expect(() => familyOf({ architectures: ['GPT2ForTokenClassification'], model_type: 'gpt2' })).toThrow(
      /GPT2ForTokenClassification.*known: LlamaForCausalLM.*GPT2LMHeadModel, GPTNeoXForCausalLM/,
    );
  });

  it('asks families of your own first, and names them', () => {
    const mine: ModelFamily = { ...llama, name: 'mine', architectures: ['Mine'], matches: () => true };
    expect(familyOf(gpt2, { families: [mine] })).toBe(mine);
    const none = { ...mine, matches: () => false };
    expect(familyOf(gpt2, { families: [none] }).name).toBe('gpt2');
    expect(() => familyOf({}, { families: [none] })).toThrow(/known: Mine, LlamaForCausalLM/);
  });
});

describe('configurations', () => {
  it.each([
    [{ scale_attn_weights: false, scale_attn_by_inverse_layer_idx: true, add_cross_attention: true }, 3],
    [{ activation_function: 'swish2', n_head: 5 }, 2],
    [{ quantization_config: {}, n_layer: 0 }, 2],
  ])('of GPT-2 are refused with every problem: %j', (change, count) => {
    expect(problemsOf(gpt2)).toEqual([]);
    expect(problemsOf({ ...gpt2, ...change }).sort()).toEqual(Object.keys(change).sort());
    expect(Object.keys(change)).toHaveLength(count);
  });

  it.each([
    [{ hidden_act: 'mish' }, ['hidden_act']],
    [{ rotary_pct: 0.4 }, ['rotary_pct']],
    [{ rotary_pct: 2 }, ['rope_scaling.partial_rotary_factor']],
    [{ num_attention_heads: 3 }, ['num_attention_heads']],
    [{ use_parallel_residual: 'no' }, ['use_parallel_residual']],
  ])('of GPT-NeoX are refused with every problem: %j', (change, problems) => {
    expect(problemsOf(neox)).toEqual([]);
    expect(problemsOf({ ...neox, ...change }).sort()).toEqual(problems);
  });

  it('take the names of one activation for the same', () => {
    const model = (activation_function: string) => {
      const config = { ...gpt2, activation_function };
      return createModel(config, initParameters(config, createRng(1)));
    };
    const kinds = ['gelu_new', 'gelu_pytorch_tanh', 'gelu', 'relu'].map((name) => {
      const made = model(name);
      const { activation } = made.ffnAt('transformer.h.0.mlp');
      made.dispose();
      return activation;
    });
    expect(kinds).toEqual(['gelu-tanh', 'gelu-tanh', 'gelu', 'relu']);
  });
});

describe('weights of GPT-2 in files', () => {
  const stored = (prefix: string): Map<string, HostTensor> =>
    new Map(
      [...parameterShapes(gpt2)].map(([name, shape]) => {
        const isLinear = /c_(attn|proj|fc)\.weight$/.test(name);
        const inFile = isLinear ? [...shape].reverse() : shape;
        const data = createRng(1)
          .fork(name)
          .normal(shape.reduce((a, b) => a * b, 1));
        return [prefix + name.slice('transformer.'.length), { shape: inFile, data }];
      }),
    );
  const load = (weights: Map<string, HostTensor>) => loadParameters(storeOfTensors('file', weights), gpt2);

  it('are turned to [out, in], with or without their prefix', async () => {
    const [short, long] = [await load(stored('')), await load(stored('transformer.'))];
    expect([...short.keys()]).toEqual([...parameterShapes(gpt2).keys()]);
    const name = 'transformer.h.1.mlp.c_fc.weight';
    const own = stored('').get('h.1.mlp.c_fc.weight')!;
    expect([own.shape, short.get(name)!.shape]).toEqual([
      [16, 64],
      [64, 16],
    ]);
    const values = await short.get(name)!.data();
    expect([values[1], values[16]]).toEqual([own.data[64], own.data[1]]);
    for (const [key, weight] of long) expect(await short.get(key)!.data()).toEqual(await weight.data());
    dispose([short, long]);
  });

  it('may come with masks, but not with anything else, nor twice', async () => {
    const one: HostTensor = { shape: [1], data: Float32Array.of(1) };
    const masks = { 'h.0.attn.bias': one, 'transformer.h.1.attn.masked_bias': one };
    dispose(await load(new Map([...stored(''), ...Object.entries(masks)])));
    for (const name of ['h.2.attn.bias', 'transformer.wte.weight', 'attn.bias']) {
      const extra = new Map([...stored(''), [name, one] as const]);
      await expect(load(extra), name).rejects.toSatisfy(
        (error) => error instanceof NoMatchingParameterError || error instanceof ShapeMismatchError,
      );
    }
    const square = new Map(stored(''));
    square.set('h.0.mlp.c_fc.weight', { shape: [64, 16], data: new Float32Array(1024) });
    await expect(load(square)).rejects.toBeInstanceOf(ShapeMismatchError);
  });

  it('hold a tied head once more only where it is the embedding', async () => {
    const embedding = stored('').get('wte.weight')!;
    dispose(await load(new Map([...stored(''), ['lm_head.weight', embedding]])));
    const other = { ...embedding, data: new Float32Array(embedding.data.length) };
    await expect(load(new Map([...stored(''), ['lm_head.weight', other]]))).rejects.toBeInstanceOf(
      CorruptDataError,
    );
  });

  it('make a model', async () => {
    const { model } = await loadModel({ config: gpt2 }, storeOfTensors('file', stored('')));
    expect([model.architecture, model.tiedHead, model.hasLearnedPositions]).toEqual(['gpt2', true, true]);
    model.dispose();
  });
});

describe('learned positions', () => {
  it('end: longer sequences are errors that say so', async () => {
    const model = createModel(gpt2, initParameters(gpt2, createRng(1)));
    const [long, rest] = [zeros([1, 11], 'int32'), zeros([1, 4], 'int32')];
    expect(() => model.forward(long)).toThrow(ShapeMismatchError);
    expect(() => model.forward(long)).toThrow(/learned 10 positions/);
    expect(() => model.loss!(long, long, 1)).toThrow(/learned 10 positions/);
    const cache = model.createCache(1);
    for (const _ of [0, 1]) dispose(model.forward(rest, { cache }));
    expect(() => model.forward(rest, { cache })).toThrow(/at most 2\] after 8 tokens in the cache/);
    expect(cache.length).toBe(8);
    cache.dispose();
    // documents packed into a longer row begin anew
    const places = tensor([0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4], [1, 11], 'int32');
    const documentIds = tensor([0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1], [1, 11], 'int32');
    const packed = model.forward(long, { positions: places, documentIds });
    expect(packed.logits.shape).toEqual([1, 11, 23]);
    dispose([long, rest, places, documentIds, packed]);
    expect((await generate(model, [1, 2, 3], { maxNewTokens: 8 })).tokens).toHaveLength(8);
    await expect(generate(model, [1, 2, 3], { maxNewTokens: 9 })).rejects.toThrow(
      /this base has 10 positions/,
    );
    model.dispose();
  });
});

describe('start points of parallel blocks', () => {
  it('are whole blocks: what the FFN reads cannot be had from a', () => {
    const model = createModel(neox, initParameters(neox, createRng(1)));
    const attachments = {
      ffn: new Map([
        [
          'gpt_neox.layers.1.mlp',
          ({ residual }: { residual: ReturnType<typeof zeros> }) => ({ output: residual }),
        ],
      ]),
      linear: new Map(),
      block: new Map(),
      head: null,
    };
    expect(model.prefix!.start({ attachments })).toEqual({ layer: 1, at: 'block' });
    const tokens = zeros([1, 3], 'int32');
    const start = { layer: 1, at: 'ffn' } as const;
    expect(() => model.prefix!.hidden(start, tokens)).toThrow(
      /reads what enters the layer; begin at 'block'/,
    );
    const hidden = zeros([1, 3, 32]);
    expect(() => model.forward(tokens, { from: { ...start, hidden } })).toThrow(InvalidConfigError);
    dispose([tokens, hidden]);
    model.dispose();
    const sequential = createModel(
      { ...neox, use_parallel_residual: false },
      initParameters(neox, createRng(1)),
    );
    expect(sequential.prefix!.start({ attachments })).toEqual(start);
    sequential.dispose();
  });
});
