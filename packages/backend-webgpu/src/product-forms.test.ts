import { BackendUnavailableError, InvalidConfigError } from '@moect/core';
import { selectBackend } from '@moect/tensor/testing';
import * as tf from '@tensorflow/tfjs-core';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { MoectWebgpuBackend } from './backend.ts';
import { measureProducts } from './measure-products.ts';
import { checkForm, fixedSubgroupSize, formsOn, wantedForm } from './product-forms.ts';
import { noAdapter, skipNote } from './test-support.ts';

afterEach(() => {
  vi.unstubAllEnvs();
});

describe('forms of products', () => {
  it.each([
    [['subgroups'], 32, 32, 32],
    [['subgroups'], 64, 64, 64],
    [['subgroups'], 8, 32, undefined],
    [['subgroups'], 128, 128, undefined],
    [[], 32, 32, undefined],
  ])(
    'features %j, subgroups of %i to %i: size %s',
    (features, subgroupMinSize, subgroupMaxSize, expected) => {
      expect(fixedSubgroupSize(new Set(features), { subgroupMinSize, subgroupMaxSize })).toBe(expected);
    },
  );

  it('are those that the device has', () => {
    expect(formsOn(new Set(), undefined)).toEqual(['tiles']);
    expect(formsOn(new Set(['shader-f16']), 32)).toEqual(['tiles', 'float16', 'subgroups']);
    expect(() => checkForm('subgroups', ['tiles'])).toThrow(BackendUnavailableError);
    expect(() => checkForm('float16', ['tiles'])).toThrow(/shader-f16.*Take one of tiles/s);
    expect(() => checkForm('tiles', ['tiles'])).not.toThrow();
  });

  it('can be named by MOECT_WEBGPU_PRODUCTS', () => {
    vi.stubEnv('MOECT_WEBGPU_PRODUCTS', '');
    expect(wantedForm()).toBeUndefined();
    vi.stubEnv('MOECT_WEBGPU_PRODUCTS', 'float16');
    expect(wantedForm()).toBe('float16');
    vi.stubEnv('MOECT_WEBGPU_PRODUCTS', 'fast');
    expect(wantedForm).toThrow(InvalidConfigError);
    expect(wantedForm).toThrow(/MOECT_WEBGPU_PRODUCTS.*tiles, float16, subgroups/s);
  });

  it.skipIf(noAdapter)(`are timed without a trace${skipNote}`, async () => {
    await selectBackend('webgpu');
    const backend = tf.backend() as MoectWebgpuBackend;
    const before = tf.memory();
    const { forms, float16Gain } = await measureProducts(backend, 64);
    const there = formsOn(backend.device.features, forms.subgroupSize);
    for (const form of [forms.float32, forms.frozen]) {
      expect(there).toContain(form);
      // a form that changes bits is never chosen automatically
      expect(form).not.toBe('float16');
    }
    expect(forms.subgroupSize).toBe(backend.products.subgroupSize);
    // no time is infinite, so the device accepted every program
    if (there.includes('float16'))
      expect([0, Number.NaN, Number.POSITIVE_INFINITY]).not.toContain(float16Gain);
    else expect(float16Gain).toBeUndefined();
    expect(tf.memory()).toMatchObject({
      numTensors: before.numTensors,
      numDataBuffers: before.numDataBuffers,
    });
  });
});
