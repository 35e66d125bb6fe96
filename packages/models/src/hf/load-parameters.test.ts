import { join } from 'node:path';
import type { JsonObject } from '@moect/core';
import {
  CorruptDataError,
  InvalidConfigError,
  NoMatchingParameterError,
  ShapeMismatchError,
} from '@moect/core';
import { type HostTensor, storeOfTensors } from '@moect/safetensors';
import { openSafetensors, readJsonFile } from '@moect/safetensors/node';
import { dispose, frozenStorageOf } from '@moect/tensor';
import { leakedTensors, selectBackend } from '@moect/tensor/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { tinyLlama } from '../testing/tiny-llama.ts';
import { loadParameters } from './load-parameters.ts';

describe('loadParameters', () => {
  let config: JsonObject;
  let weights: Map<string, HostTensor>;
  beforeAll(async () => {
    await selectBackend('cpu');
    config = await readJsonFile(join(tinyLlama, 'config.json'));
    const file = await openSafetensors(join(tinyLlama, 'model.safetensors'));
    weights = new Map();
    for (const name of file.entries.keys()) weights.set(name, await file.tensor(name));
    await file.close();
  });
  const load = (extra: Record<string, HostTensor | undefined>, change: object = {}) => {
    const all = new Map(weights);
    for (const [name, value] of Object.entries(extra))
      value === undefined ? all.delete(name) : all.set(name, value);
    return loadParameters(storeOfTensors('model.safetensors', all), { ...config, ...change });
  };
  const one = (value: number): HostTensor => ({ shape: [1], data: Float32Array.of(value) });

  it('keeps matrices as they are asked for and shows each weight before, in order of names', async () => {
    const store = storeOfTensors('model.safetensors', weights);
    const seen: string[] = [];
    const plain = await load({});
    for (const [frozenStorage, tolerance] of [
      ['bfloat16', 2 ** -8],
      ['int8', 1 / 254],
    ] as const) {
      seen.length = 0;
      const onWeight = async (name: string): Promise<void> => void seen.push(name);
      const parameters = await loadParameters(store, config, { frozenStorage, onWeight });
      expect(seen).toEqual([...weights.keys()].sort());
      expect([...parameters.keys()]).toEqual([...plain.keys()]);
      for (const [name, parameter] of parameters) {
        const wanted = (await plain.get(name)!.data()) as Float32Array;
        const given = (await parameter.data()) as Float32Array;
        const largest = wanted.reduce((most, w) => Math.max(most, Math.abs(w)), 0);
        const off = parameter.rank === 1 ? 0 : tolerance * largest * (1 + 1e-5);
        expect(frozenStorageOf(parameter)).toBe(parameter.rank === 1 ? 'float32' : frozenStorage);
        expect(given.every((w, i) => Math.abs(w - wanted[i]!) <= off)).toBe(true);
      }
      dispose(parameters);
    }
    dispose(plain);
  });

  it('ignores rotation buffers and nothing else', async () => {
    const parameters = await load({ 'model.layers.0.self_attn.rotary_emb.inv_freq': one(1) });
    expect([...parameters.keys()].sort()).toEqual([...weights.keys()].sort());
    dispose(parameters);
    await expect(load({ 'model.layers.0.mystery': one(1) })).rejects.toThrow(/mystery/);
    await expect(load({ 'model.norm.weight': undefined })).rejects.toBeInstanceOf(NoMatchingParameterError);
    await expect(load({ 'model.norm.weight': one(1) })).rejects.toBeInstanceOf(ShapeMismatchError);
  });

  it('takes a second copy of a tied head only when it is one', async () => {
    const embedding = weights.get('model.embed_tokens.weight')!;
    const tied = { tie_word_embeddings: true };
    const parameters = await load({ 'lm_head.weight': embedding }, tied);
    expect(parameters.has('lm_head.weight')).toBe(false);
    dispose(parameters);
    await expect(load({}, tied)).rejects.toThrow(/lm_head.weight differs from model.embed_tokens.weight/);
  });

  it('refuses more layers than there are tensors, before it makes room for them', async () => {
    const wrong = load({}, { num_hidden_layers: 1_000_000_000 });
    await expect(wrong).rejects.toThrow(
      /num_hidden_layers: is 1000000000, but model\.safetensors has only \d+ tensors/,
    );
    await expect(wrong).rejects.toBeInstanceOf(InvalidConfigError);
  });

  it('takes the one matrix of a tied model under the name of its head too', async () => {
    const embedding = weights.get('model.embed_tokens.weight')!;
    const saved = { 'model.embed_tokens.weight': undefined, 'lm_head.weight': embedding };
    const parameters = await load(saved, { tie_word_embeddings: true });
    expect(await parameters.get('model.embed_tokens.weight')!.data()).toEqual(embedding.data);
    expect(parameters.has('lm_head.weight')).toBe(false);
    dispose(parameters);
  });

  it('names the setting where a head of its own is not in the file', async () => {
    const untied = load({ 'lm_head.weight': undefined }, { tie_word_embeddings: false });
    await expect(untied).rejects.toThrow(
      /tie_word_embeddings: is false or absent, but .* no lm_head\.weight/,
    );
    await expect(untied).rejects.toThrow(/Set it to true/);
  });

  it.each(['_orig_mod.', 'module.', 'module._orig_mod.'])(
    'takes names of a wrapped model: %s',
    async (prefix) => {
      const wrapped = new Map([...weights].map(([name, value]) => [`${prefix}${name}`, value]));
      const parameters = await loadParameters(storeOfTensors('model.safetensors', wrapped), config);
      expect([...parameters.keys()].sort()).toEqual([...weights.keys()].sort());
      dispose(parameters);
      // a tensor that is there twice, once wrapped, is not silently one of them
      const twice = load({ [`${prefix}model.norm.weight`]: weights.get('model.norm.weight')! });
      await expect(twice).rejects.toThrow(/model\.norm\.weight/);
    },
  );

  it('refuses NaN and whole numbers, and leaves no tensor behind', async () => {
    const size = weights.get('model.norm.weight')!.shape;
    const nan = { shape: size, data: new Float32Array(size[0]!).fill(Number.NaN) };
    const whole = { shape: size, data: new Int32Array(size[0]!) };
    const leaked = await leakedTensors(async () => {
      for (const bad of [nan, whole]) {
        await expect(load({ 'model.norm.weight': bad })).rejects.toBeInstanceOf(CorruptDataError);
      }
    });
    expect(leaked).toBe(0);
  });
});
