import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Method, Router } from '@moect/core';
import { topKRouter } from '@moect/router';
import { createRng } from '@moect/tensor';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Base } from '../base/base.ts';
import { chooseBackend } from '../base/choose-backend.ts';
import { openBase } from '../base/open-base.ts';
import { openPack } from '../extension/open-pack.ts';
import { learningRateFor, REFERENCE_PARAMETERS } from '../presets/learning-rate.ts';
import { makeTinyBase } from '../testing/make-tiny-base.ts';
import { testPack } from '../testing/test-pack.ts';
import { createMoect, defaultMoect, mergeSettings } from './moect.ts';

const presets = [...defaultMoect.presets.values()];

let folder: string;
let base: Base;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'moect-registry-'));
  await chooseBackend('wasm', 1);
  await makeTinyBase(join(folder, 'base'));
  base = await openBase(join(folder, 'base'));
});
afterAll(() => rm(folder, { recursive: true }));

describe('the presets', () => {
  it.each(presets.map((preset) => [preset.name, preset] as const))('%s fits its method', (_name, preset) => {
    const extension = defaultMoect.method(preset.method).attach(base.model, preset.config, createRng(1));
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
  const moect = createMoect({ routers: { mine }, presets: [preset], methods: { other }, from: 'parts.mjs' });

  it('is refused under a wrong key, as no function, and where the name is taken', () => {
    const make = () => ({}) as never;
    expect(() => createMoect({ router: { mine: make } } as never)).toThrow(
      /router: is no kind of parts\. Did you mean 'routers'\?/,
    );
    expect(() => createMoect({ routers: { mine: {} } } as never)).toThrow(/routers\.mine: is no function/);
    expect(() => createMoect({ methods: { mine: make } } as never)).toThrow(/methods\.mine: is no method/);
    expect(() => createMoect({ combinations: { gate: make } })).toThrow(/combinations\.gate: is the name/);
  });

  it('knows its own router, preset and method beside the built-in ones', async () => {
    expect([...moect.methods.keys()]).toEqual(['moe-ct', 'lora-ct', 'ct', 'other']);
    const { method, config } = moect.preset('my-preset');
    const extension = moect.method(method).attach(base.model, config, createRng(1));
    const pack = testPack({ ...base, moect }, extension);
    await pack.save(join(folder, 'pack'));
    pack.dispose();
    const loaded = await openPack({ ...base, moect }, join(folder, 'pack'));
    expect(loaded.extension.config['router']).toEqual({ type: 'mine' });
    expect(loaded.info.parts).toEqual([{ kind: 'router', name: 'mine', from: 'parts.mjs' }]);
    loaded.dispose();
  });

  it('is unknown to others: its extension needs it, and names say what there is', async () => {
    await expect(openPack(base, join(folder, 'pack'))).rejects.toThrow(
      /There is no router 'mine'.*was made with the router 'mine' of parts\.mjs: give that module with --parts/s,
    );
    expect(() => defaultMoect.preset('my-preset')).toThrow(/Available: moe-ct, moe-ct-mixture/);
    expect(() => defaultMoect.method('moect')).toThrow(/Did you mean 'moe-ct'/);
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
