import { CorruptDataError, NoMatchingParameterError, ShapeMismatchError } from '@moect/core';
import { type HostTensor, storeOfTensors } from '@moect/safetensors';
import { createRng, dispose } from '@moect/tensor';
import { selectBackend } from '@moect/tensor/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { parameterShapes } from '../families/create-model.ts';
import { loadParameters } from './load-parameters.ts';

const sizes = {
  vocab_size: 5,
  hidden_size: 4,
  intermediate_size: 3,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  num_key_value_heads: 1,
};
const phi3 = { ...sizes, model_type: 'phi3' };
const bloom = { model_type: 'bloom', vocab_size: 5, hidden_size: 4, n_head: 2, n_layer: 1 };
const mixtral = { ...sizes, model_type: 'mixtral', num_local_experts: 2, num_experts_per_tok: 1 };

const count = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

/** Random weights in the model's own layout. */
const weightsOf = (config: object): Map<string, HostTensor> =>
  new Map(
    [...parameterShapes(config as typeof phi3)].map(([name, shape]) => [
      name,
      { shape, data: createRng(1).fork(name).normal(count(shape)) },
    ]),
  );

const load = (weights: Map<string, HostTensor>, config: object) =>
  loadParameters(storeOfTensors('file', weights), config as typeof phi3);

/** Expects that a file loads as the weights in the model's own layout. */
async function expectLoads(file: Map<string, HostTensor>, config: object): Promise<void> {
  const loaded = await load(file, config);
  const wanted = weightsOf(config);
  expect([...loaded.keys()]).toEqual([...wanted.keys()]);
  for (const [name, weight] of loaded) {
    expect([name, [...(await weight.data())]]).toEqual([name, [...wanted.get(name)!.data]]);
  }
  dispose(loaded);
}

/** Rows of some tensors one after another, as a file holds them. */
function joined(weights: Map<string, HostTensor>, names: readonly string[]): HostTensor {
  const parts = names.map((name) => weights.get(name)!);
  for (const name of names) weights.delete(name);
  const data = Float32Array.from(parts.flatMap((part) => [...(part.data as Float32Array)]));
  const rows = parts.reduce((sum, { shape }) => sum + shape[0]!, 0);
  return { shape: [rows, ...parts[0]!.shape.slice(1)], data };
}

beforeAll(async () => void (await selectBackend('cpu')));

describe('tensors that hold several parameters', () => {
  const at = 'model.layers.0';
  const fusedPhi3 = (): Map<string, HostTensor> => {
    const file = weightsOf(phi3);
    const heads = ['q', 'k', 'v'].map((name) => `${at}.self_attn.${name}_proj.weight`);
    const inner = ['gate', 'up'].map((name) => `${at}.mlp.${name}_proj.weight`);
    file.set(`${at}.self_attn.qkv_proj.weight`, joined(file, heads));
    file.set(`${at}.mlp.gate_up_proj.weight`, joined(file, inner));
    return file;
  };

  it('are split: q, k, v and gate, up of Phi-3; a file that is split already is read too', async () => {
    await expectLoads(fusedPhi3(), phi3);
    await expectLoads(weightsOf(phi3), phi3);
  });

  it.each(['', 'transformer.'])('are split head by head: BLOOM, prefix "%s"', async (prefix) => {
    const own = weightsOf(bloom);
    const file = new Map<string, HostTensor>();
    const block = 'transformer.h.0.self_attention';
    for (const kind of ['weight', 'bias']) {
      const parts = ['q', 'k', 'v'].map((name) => own.get(`${block}.${name}_proj.${kind}`)!);
      // query, key and value of head 0, then of head 1: two rows each
      const width = kind === 'weight' ? 4 : 1;
      const data = [0, 1].flatMap((head) =>
        parts.flatMap((part) => [
          ...(part.data as Float32Array).subarray(2 * head * width, 2 * (head + 1) * width),
        ]),
      );
      const shape = kind === 'weight' ? [12, 4] : [12];
      file.set(`${prefix}h.0.self_attention.query_key_value.${kind}`, {
        shape,
        data: Float32Array.from(data),
      });
    }
    for (const [name, value] of own) {
      if (!/[qkv]_proj/.test(name)) file.set(prefix + name.slice('transformer.'.length), value);
    }
    await expectLoads(file, bloom);
  });

  it('are stacked, and split: experts of Mixtral apart, and as transformers 5 keeps them', async () => {
    const moe = `${at}.block_sparse_moe`;
    const own = weightsOf(mixtral);
    const expert = (name: string, e: number): HostTensor => {
      const { shape, data } = own.get(`${moe}.experts.${name}.weight`)!;
      const size = count(shape.slice(1));
      return { shape: shape.slice(1), data: (data as Float32Array).slice(e * size, (e + 1) * size) };
    };
    const [apart, fused] = [weightsOf(mixtral), weightsOf(mixtral)];
    for (const file of [apart, fused]) {
      for (const name of ['w1', 'w2', 'w3']) file.delete(`${moe}.experts.${name}.weight`);
    }
    for (const name of ['w1', 'w2', 'w3']) {
      for (const e of [0, 1]) apart.set(`${moe}.experts.${e}.${name}.weight`, expert(name, e));
    }
    const both = [0, 1].flatMap((e) => ['w1', 'w3'].flatMap((name) => [...expert(name, e).data]));
    fused.set(`${at}.mlp.experts.gate_up_proj`, { shape: [2, 6, 4], data: Float32Array.from(both) });
    fused.set(`${at}.mlp.experts.down_proj`, own.get(`${moe}.experts.w2.weight`)!);
    fused.set(`${at}.mlp.gate.weight`, own.get(`${moe}.gate.weight`)!);
    fused.delete(`${moe}.gate.weight`);
    await expectLoads(apart, mixtral);
    await expectLoads(fused, mixtral);
    apart.delete(`${moe}.experts.1.w1.weight`);
    await expect(load(apart, mixtral)).rejects.toBeInstanceOf(NoMatchingParameterError);
  });

  it('are refused with another shape, and with whole numbers', async () => {
    const name = `${at}.self_attn.qkv_proj.weight`;
    const file = fusedPhi3();
    file.set(name, { shape: [9, 4], data: new Float32Array(36) });
    await expect(load(file, phi3)).rejects.toBeInstanceOf(ShapeMismatchError);
    file.set(name, { shape: [8, 4], data: new Int32Array(32) });
    await expect(load(file, phi3)).rejects.toBeInstanceOf(CorruptDataError);
  });
});
