import { NoMatchingParameterError, ShapeMismatchError } from '@moect/core';
import { digestParameters } from '@moect/freeze';
import { createRng, dispose, randomNormal, tensor } from '@moect/tensor';
import { leakedTensors, selectBackend, testBackends } from '@moect/tensor/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { fromDiskTensors, toDiskTensors } from './disk-tensors.ts';
import { loadParameters } from './methods/extension.ts';
import { moeCt } from './methods/moe-ct.ts';
import { tinyGpt2, tinyLlama } from './testing/tiny-models.ts';

describe.each(testBackends())('tensors on disk, on %s', (backend) => {
  beforeAll(async () => void (await selectBackend(backend)));

  it('are one per expert, and come back the same', async () => {
    const base = tinyLlama();
    const extension = moeCt().attach(base, { numExperts: 3, attentionRank: 2 }, createRng(1));
    const onDisk = toDiskTensors(extension.parameters);
    expect(onDisk.get('model.layers.1.moe.experts.2.gate_proj.weight')!.shape).toEqual([24, 16]);
    expect(onDisk.get('model.layers.1.moe.experts.0.down_proj.weight')!.shape).toEqual([16, 24]);
    expect(onDisk.has('model.layers.1.moe.router.weight')).toBe(true);
    expect([...onDisk.keys()].some((name) => name.includes('experts.gate_proj'))).toBe(false);
    const back = fromDiskTensors(onDisk);
    expect(await digestParameters(back)).toBe(await digestParameters(extension.parameters));

    const other = moeCt().attach(base, { numExperts: 3, attentionRank: 2 }, createRng(2));
    expect(await digestParameters(other.parameters)).not.toBe(await digestParameters(extension.parameters));
    loadParameters(other, back);
    expect(await digestParameters(other.parameters)).toBe(await digestParameters(extension.parameters));
    dispose([onDisk, back]);
    extension.dispose();
    other.dispose();
    base.dispose();
  });

  it('keep the biases of experts apart as well', async () => {
    const base = tinyGpt2();
    const extension = moeCt().attach(base, { numExperts: 3, layers: [1] }, createRng(1));
    const onDisk = toDiskTensors(extension.parameters);
    const at = 'transformer.h.1.moe.experts';
    expect(onDisk.get(`${at}.2.up_proj.bias`)!.shape).toEqual([24]);
    expect(onDisk.get(`${at}.0.down_proj.bias`)!.shape).toEqual([16]);
    const back = fromDiskTensors(onDisk);
    expect(back.get(`${at}.up_proj.bias`)!.shape).toEqual([3, 24]);
    expect(await digestParameters(back)).toBe(await digestParameters(extension.parameters));
    dispose([onDisk, back]);
    extension.dispose();
    base.dispose();
  });

  it('must be complete, of known names and of the right shapes', async () => {
    const base = tinyLlama();
    const extension = moeCt().attach(base, { headDelta: null, layers: [1] }, createRng(1));
    const onDisk = toDiskTensors(extension.parameters);
    const without = new Map([...onDisk].filter(([name]) => !name.endsWith('experts.0.up_proj.weight')));
    expect(() => fromDiskTensors(without)).toThrow(NoMatchingParameterError);
    expect(() => fromDiskTensors(without)).toThrow(/moe\.experts\.0\.up_proj/);
    const stacked = fromDiskTensors(onDisk);
    const before = await digestParameters(extension.parameters);
    const extra = new Map([...stacked, ['model.extra', tensor([1], [1])]]);
    expect(() => loadParameters(extension, extra)).toThrow(/model\.extra/);
    const name = 'model.layers.1.moe.router.weight';
    const few = new Map([...stacked].filter(([key]) => key !== name));
    expect(() => loadParameters(extension, few)).toThrow(/moe\.router\.weight/);
    const wrong = new Map([...stacked, [name, randomNormal(createRng(1), [2, 8], 1)]]);
    expect(() => loadParameters(extension, wrong)).toThrow(ShapeMismatchError);
    expect(await digestParameters(extension.parameters)).toBe(before);
    dispose([onDisk, stacked, extra, wrong]);
    extension.dispose();
    base.dispose();
  });

  it('leak nothing', async () => {
    const parameters = new Map([
      ['a.experts.up.weight', randomNormal(createRng(1), [2, 3, 4], 1)],
      ['b', randomNormal(createRng(2), [2], 1)],
    ]);
    const once = (): void => {
      const onDisk = toDiskTensors(parameters);
      dispose([fromDiskTensors(onDisk), onDisk]);
    };
    once();
    expect(await leakedTensors(once)).toBe(0);
    dispose(parameters);
  });
});
