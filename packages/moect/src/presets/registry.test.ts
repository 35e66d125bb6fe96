import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Method, Router } from '@moect/core';
import { topKRouter } from '@moect/router';
import { createRng } from '@moect/tensor';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chooseBackend } from '../base/choose-backend.ts';
import { type LoadedBase, loadBase } from '../base/load-base.ts';
import { loadExtension } from '../extension/load-extension.ts';
import { saveExtension } from '../extension/save-extension.ts';
import { makeTinyBase } from '../testing/make-tiny-base.ts';
import { learningRateFor, REFERENCE_PARAMETERS } from './learning-rate.ts';
import { createMethod, createMoect, defaultMoect, mergeSettings, presets } from './registry.ts';

let folder: string;
let base: LoadedBase;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'moect-registry-'));
  await chooseBackend('wasm', 1);
  await makeTinyBase(join(folder, 'base'));
  base = await loadBase(join(folder, 'base'));
});
afterAll(() => rm(folder, { recursive: true }));

describe('the presets', () => {
  it.each(presets.map((preset) => [preset.name, preset] as const))('%s fits its method', (_name, preset) => {
    const extension = createMethod(preset.method).attach(base.model, preset.config, createRng(1));
    expect(extension.parameters.size).toBeGreaterThan(0);
    extension.dispose();
  });

  it('replay except where that is their point', () => {
    const without = presets.filter(({ training }) => training.replayShare === 0).map(({ name }) => name);
    expect(without).toEqual(['moe-ct-mixture', 'ct']);
  });
});

describe('learning rates', () => {
  it('go through the two known points and never rise for small bases', () => {
    expect(learningRateFor(4e-3, REFERENCE_PARAMETERS)).toBe(4e-3);
    expect(learningRateFor(4e-3, 7000)).toBe(4e-3);
    expect(learningRateFor(4e-3, 1.8e9)).toBeCloseTo(1.1e-4, 9);
    expect(learningRateFor(4e-3, 135e6)).toBe(4e-4);
  });
});

describe('a moect with additions', () => {
  const calls: string[] = [];
  const mine = (options: { readonly topK: number }): Router => {
    const router = topKRouter(options);
    return {
      ...router,
      name: 'mine',
      route(params, hidden, context) {
        calls.push('route');
        return router.route(params, hidden, context);
      },
    };
  };
  const preset = { ...presets[0]!, name: 'my-preset', config: { router: { type: 'mine' } } };
  const other: Method = { contract: 'method/1', name: 'other', attach: () => expect.unreachable() };
  const moect = createMoect({ routers: { mine }, presets: [preset], methods: { other } });

  it('knows its own router, preset and method beside the built-in ones', async () => {
    expect([...moect.methods.keys()]).toEqual(['moe-ct', 'lora-ct', 'ct', 'other']);
    const { method, config } = moect.preset('my-preset');
    const extension = moect.method(method).attach(base.model, config, createRng(1));
    const languages = [{ code: 'swh_Latn', role: 'new' as const }];
    await saveExtension(join(folder, 'pack'), extension, { base: base.identity, languages, license: null });
    extension.dispose();
    const loaded = await loadExtension(join(folder, 'pack'), base, moect);
    expect(loaded.extension.config['router']).toEqual({ type: 'mine' });
    loaded.extension.dispose();
  });

  it('is unknown to others: its extension needs it, and names say what there is', async () => {
    await expect(loadExtension(join(folder, 'pack'), base)).rejects.toThrow(/router 'mine'/);
    expect(() => defaultMoect.preset('my-preset')).toThrow(/Available: moe-ct, moe-ct-mixture/);
    expect(() => createMethod('moect')).toThrow(/Did you mean 'moe-ct'/);
  });
});

describe('settings', () => {
  it('are merged inside a component of the same type, and replaced otherwise', () => {
    const settings = { topK: 2, fusion: { type: 'guarded', oldPrior: 1 }, layers: 'all' };
    expect(mergeSettings(settings, { fusion: { gateThreshold: 0.2 }, layers: { top: 2 } })).toEqual({
      topK: 2,
      fusion: { type: 'guarded', oldPrior: 1, gateThreshold: 0.2 },
      layers: { top: 2 },
    });
    expect(mergeSettings(settings, { fusion: { type: 'fixed' } })['fusion']).toEqual({ type: 'fixed' });
  });
});
