import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type GatedFfn,
  InvalidConfigError,
  NoMatchingParameterError,
  NoSuchComponentError,
  ShapeMismatchError,
} from '@moect/core';
import { openSafetensors, readJsonFile } from '@moect/safetensors/node';
import { createRng, dispose, tensor, zeros } from '@moect/tensor';
import { leakedTensors, maxDifference, selectBackend, testBackends } from '@moect/tensor/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { createModel, initParameters } from '../families/create-model.ts';
import { loadHuggingFaceFolder } from '../node/load-folder.ts';
import { float64Llama, readPlainConfig } from '../testing/float64-llama.ts';
import { tinyLlama } from '../testing/tiny-llama.ts';

const expected = JSON.parse(readFileSync(join(tinyLlama, 'expected.json'), 'utf8')) as {
  tokens: number[];
  logits: number[][];
};

describe.each(testBackends())('createModel on %s', (backend) => {
  beforeAll(async () => void (await selectBackend(backend)));

  it('computes what a plain float64 program computes', async () => {
    const file = await openSafetensors(join(tinyLlama, 'model.safetensors'));
    const weights = new Map(
      await Promise.all(
        [...file.entries.keys()].map(async (name) => [name, await file.tensor(name)] as const),
      ),
    );
    await file.close();
    const reference = float64Llama(readPlainConfig(join(tinyLlama, 'config.json')), weights, expected.tokens);
    expect(maxDifference(reference.slice(-4).flat(), expected.logits.flat())).toBeLessThan(1e-8);
    const { model } = await loadHuggingFaceFolder(tinyLlama);
    const tokens = tensor(expected.tokens, [1, expected.tokens.length], 'int32');
    const result = model.forward(tokens);
    expect(maxDifference(await result.logits.data(), reference.flat())).toBeLessThan(2e-5);
    dispose([tokens, result]);
    model.dispose();
  });

  it('names its FFN weights and refuses other sites', async () => {
    const { model } = await loadHuggingFaceFolder(tinyLlama);
    const { kind, activation, up, down, ...rest } = model.ffnAt('model.layers.1.mlp') as GatedFfn;
    expect([kind, activation, Object.keys(rest)]).toEqual(['gated', 'silu', ['gate']]);
    const named = (name: string): unknown => model.parameters.get(`model.layers.1.mlp.${name}.weight`);
    for (const [linear, name] of [
      [up, 'up_proj'],
      [down, 'down_proj'],
    ] as const) {
      expect(linear.weight).toBe(named(name));
      expect(linear.bias).toBeNull();
    }
    expect(() => model.ffnAt('model.layers.2.mlp')).toThrow(NoSuchComponentError);
    model.dispose();
  });

  it('refuses missing, unused and misshapen weights', async () => {
    const config = await readJsonFile(join(tinyLlama, 'config.json'));
    const parameters = initParameters(config, createRng(1));
    const changed = (change: (map: Map<string, typeof extra>) => void) => (): unknown => {
      const map = new Map(parameters);
      change(map);
      return createModel(config, map);
    };
    const extra = zeros([3]);
    expect(changed((map) => map.delete('model.norm.weight'))).toThrow(NoMatchingParameterError);
    expect(changed((map) => map.set('model.layers.7.mlp.up_proj.weight', extra))).toThrow(
      NoMatchingParameterError,
    );
    expect(changed((map) => map.set('model.norm.weight', extra))).toThrow(ShapeMismatchError);
    dispose([parameters, extra]);
  });

  it('initialises fresh weights by the configuration, each from a stream of its own', async () => {
    const config = {
      ...(await readJsonFile(join(tinyLlama, 'config.json'))),
      vocab_size: 500,
      initializer_range: 0.1,
    };
    const parameters = initParameters(config, createRng(5));
    const other = initParameters({ ...config, tie_word_embeddings: true }, createRng(5));
    const std = async (name: string): Promise<number> => {
      const values = [...(await parameters.get(name)!.data())];
      return Math.sqrt(values.reduce((sum, x) => sum + x * x, 0) / values.length);
    };
    expect(await std('model.embed_tokens.weight')).toBeCloseTo(0.1, 2);
    expect(await std('model.layers.0.mlp.down_proj.weight')).toBeCloseTo(0.05, 2);
    expect(await std('model.norm.weight')).toBe(1);
    expect(parameters.has('lm_head.weight') && !other.has('lm_head.weight')).toBe(true);
    const name = 'model.layers.1.self_attn.o_proj.weight';
    expect([...(await other.get(name)!.data())]).toEqual([...(await parameters.get(name)!.data())]);
    dispose([parameters, other]);
  });

  it('goes back to nothing when disposed, longer rotation tables included', async () => {
    const leaked = await leakedTensors(async () => {
      const { model } = await loadHuggingFaceFolder(tinyLlama);
      const tokens = zeros([1, 150], 'int32');
      const result = model.forward(tokens);
      expect(result.logits.shape).toEqual([1, 150, 23]);
      dispose([tokens, result]);
      model.dispose();
    });
    expect(leaked).toBe(0);
  });

  it('refuses a cache of another model or already disposed', async () => {
    const [a, b] = [
      (await loadHuggingFaceFolder(tinyLlama)).model,
      (await loadHuggingFaceFolder(tinyLlama)).model,
    ];
    const tokens = zeros([1, 2], 'int32');
    const cache = a.createCache(1);
    expect(() => b.forward(tokens, { cache })).toThrow(InvalidConfigError);
    expect(() => b.forward(tokens, { cache: { length: 0, dispose: () => {} } })).toThrow(InvalidConfigError);
    cache.dispose();
    expect(() => a.forward(tokens, { cache })).toThrow(InvalidConfigError);
    dispose(tokens);
    a.dispose();
    b.dispose();
  });
});
