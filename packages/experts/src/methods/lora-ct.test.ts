import { type BaseModel, InvalidConfigError, type Tensor } from '@moect/core';
import { loadHuggingFaceFolder } from '@moect/models/node';
import { createRng, crossEntropy, dispose, mean, reshape, slice, tensor, valueAndGrads } from '@moect/tensor';
import { maxDifference, selectBackend, testBackends } from '@moect/tensor/testing';
import { fixture, fixtureJson, fixtureTensors } from 'moect-test-support/fixtures';
import { beforeAll, describe, expect, it } from 'vitest';
import { tinyGpt2, tinyLlama } from '../testing/tiny-models.ts';
import { loadParameters } from './extension.ts';
import { loraCt } from './lora-ct.ts';

const read = async (x: Tensor): Promise<Float32Array> => Float32Array.from(await x.data());

describe.each(testBackends())('loraCt on %s', (backend) => {
  beforeAll(async () => void (await selectBackend(backend)));

  it('names its parameters as PEFT does, A near Kaiming and B zero', async () => {
    const base = tinyLlama();
    const extension = loraCt().attach(base, { rank: 4, targets: ['q_proj', 'down_proj'] }, createRng(1));
    expect(extension.parameters.size).toBe(3 * 2 * 2);
    const a = extension.parameters.get('model.layers.0.mlp.down_proj.lora_A.weight')!;
    const b = extension.parameters.get('model.layers.0.mlp.down_proj.lora_B.weight')!;
    expect([a.shape, b.shape]).toEqual([
      [4, 24],
      [16, 4],
    ]);
    const values = await read(a);
    expect(Math.max(...values.map(Math.abs))).toBeLessThanOrEqual(1 / Math.sqrt(24));
    expect(Math.max(...values.map(Math.abs))).toBeGreaterThan(0.9 / Math.sqrt(24));
    expect((await read(b)).every((value) => value === 0)).toBe(true);
    expect(extension.config).toEqual({
      rank: 4,
      alpha: 16,
      rankStabilized: false,
      targets: ['q_proj', 'down_proj'],
    });
    extension.dispose();
    base.dispose();
  });

  it('takes linears by their role, in any family', () => {
    const [llama, gpt2] = [tinyLlama(), tinyGpt2()];
    const sitesOf = (base: BaseModel, targets: readonly string[]): string[] => {
      const extension = loraCt().attach(base, { targets }, createRng(1));
      const names = [...extension.attachments.linear.keys()];
      extension.dispose();
      return names.filter((name) => name.includes('.1.'));
    };
    const roles = ['attention-output', 'ffn-down'];
    expect(sitesOf(llama, roles)).toEqual([
      'model.layers.1.self_attn.o_proj',
      'model.layers.1.mlp.down_proj',
    ]);
    expect(sitesOf(gpt2, roles)).toEqual(['transformer.h.1.attn.c_proj', 'transformer.h.1.mlp.c_proj']);
    // as in PEFT: both modules have this name
    expect(sitesOf(gpt2, ['c_proj'])).toEqual(sitesOf(gpt2, roles));
    expect(() => sitesOf(gpt2, ['attention-query'])).toThrow(/it has c_attn, .*attention-query-key-value/);
    llama.dispose();
    gpt2.dispose();
  });

  it('refuses what it cannot do, with every problem', () => {
    const base = tinyLlama();
    const attach = (config: object): (() => unknown) => {
      return () => loraCt().attach(base, config as never, createRng(1));
    };
    expect(attach({ rank: 0, dropout: 0.1, targets: [] })).toThrow(InvalidConfigError);
    expect(attach({ rank: 0, dropout: 0.1, targets: [] })).toThrow(/3 problem.*dropout.*rank.*targets/s);
    expect(attach({ alpha: -1, targets: ['c_attn'] })).toThrow(
      /2 problem.*alpha.*'c_attn' is no linear of this base; it has q_proj/s,
    );
    base.dispose();
  });
});

/** Tensors of a committed file. */
function readFixture(file: string): { names: string[]; load: (name: string) => Tensor } {
  const tensors = fixtureTensors(`peft-lora-llama/${file}`);
  const load = (name: string): Tensor => {
    const { data, shape, dtype } = tensors.get(name)!;
    return tensor(data, shape, dtype);
  };
  return { names: [...tensors.keys()], load };
}

interface Expected {
  readonly adapters: Record<string, { readonly loss: number }>;
}

// logits, loss and gradients of peft 0.21.2 (test/fixtures/README.md)
describe.each(testBackends())('loraCt against PEFT, on %s', (backend) => {
  beforeAll(async () => void (await selectBackend(backend)));

  it.each([
    ['adapter-all', 'all-linear', false],
    ['adapter-rslora-qv', ['q_proj', 'v_proj'], true],
  ] as const)('%s: logits, loss and gradients', async (name, targets, rankStabilized) => {
    const { model } = await loadHuggingFaceFolder(fixture('models/llama-mha-untied'));
    const adapter = readFixture(`${name}/adapter_model.safetensors`);
    const expected = readFixture('expected.safetensors');
    const grads = readFixture(`${name}/grads.safetensors`);
    const bare = (key: string): string => key.replace('base_model.model.', '');
    const weights = new Map(adapter.names.map((key) => [bare(key), adapter.load(key)]));
    const extension = loraCt().attach(model, { rank: 8, alpha: 16, targets, rankStabilized }, createRng(1));
    loadParameters(extension, weights);
    const tokens = expected.load('input_ids');
    const targetIds = reshape(slice(tokens, [0, 1], [2, 31]), [62]);
    const forward = (): Tensor => model.forward(tokens, { attachments: extension.attachments }).logits;

    const [logits, goal] = [forward(), expected.load(`${name}.logits`)];
    expect(maxDifference(await read(logits), await read(goal))).toBeLessThan(1e-4);
    const { value, gradients } = valueAndGrads(() => {
      const shown = reshape(slice(forward(), [0, 0, 0], [2, 31, 128]), [62, 128]);
      return mean(crossEntropy(shown, targetIds));
    }, extension.parameters);
    const { loss } = fixtureJson<Expected>('peft-lora-llama/expected.json').adapters[name]!;
    expect((await read(value))[0]).toBeCloseTo(loss, 4);
    for (const key of grads.names) {
      const gradient = grads.load(key);
      expect(maxDifference(await read(gradients.get(bare(key))!), await read(gradient)), key).toBeLessThan(
        2e-5,
      );
      gradient.dispose();
    }
    expect(grads.names.length).toBe(extension.parameters.size);
    dispose([weights, tokens, targetIds, logits, goal, value, [...gradients.values()]]);
    extension.dispose();
    model.dispose();
  });
});
