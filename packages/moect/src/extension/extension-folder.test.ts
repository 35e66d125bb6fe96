import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Extension } from '@moect/core';
import { openSafetensors, writeSafetensorsFile } from '@moect/safetensors/node';
import { assign, createRng, memory, randomNormal, tidy } from '@moect/tensor';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chooseBackend } from '../base/choose-backend.ts';
import { type LoadedBase, loadBase } from '../base/load-base.ts';
import { createMethod, presets } from '../presets/registry.ts';
import { makeTinyBase } from '../testing/make-tiny-base.ts';
import { EXTENSION_CONFIG_FILE, EXTENSION_WEIGHTS_FILE, type ExtensionInfo } from './extension-config.ts';
import { loadExtension, readExtensionConfig } from './load-extension.ts';
import { saveExtension } from './save-extension.ts';

let folder: string;
let base: LoadedBase;
let info: ExtensionInfo;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'moect-extension-'));
  await chooseBackend('wasm', 1);
  await makeTinyBase(join(folder, 'base'));
  base = await loadBase(join(folder, 'base'));
  const languages = [{ code: 'swh_Latn', role: 'new' as const }];
  info = { base: base.identity, languages, license: 'CC0-1.0', combine: 'gate', preset: 'moe-ct' };
});
afterAll(() => rm(folder, { recursive: true }));

/** An extension whose parameters are all random, so that a tensor in the wrong place shows. */
function scrambled(presetName = 'moe-ct'): Extension {
  const preset = presets.find(({ name }) => name === presetName)!;
  const extension = createMethod(preset.method).attach(base.model, preset.config, createRng(5));
  for (const [path, parameter] of extension.parameters) {
    tidy(() => assign(parameter, randomNormal(createRng(9).fork(path), parameter.shape, 0.3)));
  }
  return extension;
}

async function valuesOf(extension: Extension): Promise<Record<string, number[]>> {
  const values: Record<string, number[]> = {};
  for (const [path, parameter] of extension.parameters) values[path] = [...(await parameter.data())];
  return values;
}

/** Saves a good extension, lets `damage` loose on it, and loads it. */
async function loadDamaged(damage: (at: string) => Promise<void>): Promise<unknown> {
  const at = join(folder, 'damaged');
  const extension = scrambled();
  await saveExtension(at, extension, info);
  extension.dispose();
  await damage(at);
  return loadExtension(at, base);
}

async function editConfig(at: string, edit: (config: Record<string, unknown>) => void): Promise<void> {
  const path = join(at, EXTENSION_CONFIG_FILE);
  const config = JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>;
  edit(config);
  await writeFile(path, JSON.stringify(config));
}

type Tensors = Map<string, { shape: readonly number[]; data: Float32Array }>;

async function editWeights(
  at: string,
  edit: (tensors: Tensors) => void,
  allowNonFinite = false,
): Promise<void> {
  const path = join(at, EXTENSION_WEIGHTS_FILE);
  const file = await openSafetensors(path);
  const tensors: Tensors = new Map();
  for (const name of file.entries.keys()) {
    const { shape, data } = await file.tensor(name);
    tensors.set(name, { shape, data: data as Float32Array });
  }
  await file.close();
  edit(tensors);
  await writeSafetensorsFile(path, tensors, { allowNonFinite });
}

describe('an extension folder', () => {
  it.each(presets.map(({ name }) => name))('gives back every bit: %s', async (name) => {
    const at = join(folder, `pack-${name}`);
    const extension = scrambled(name);
    await saveExtension(at, extension, info);
    const loaded = await loadExtension(at, base);
    expect(await valuesOf(loaded.extension)).toEqual(await valuesOf(extension));
    expect(loaded.extension.config).toEqual(extension.config);
    expect(loaded.info).toMatchObject({ method: extension.method, license: 'CC0-1.0', base: base.identity });
    extension.dispose();
    loaded.extension.dispose();
  });

  it('has one tensor for each expert, a config and a model card, and nothing else', async () => {
    const at = join(folder, 'named');
    const extension = scrambled();
    await saveExtension(at, extension, info);
    extension.dispose();
    expect((await readdir(at)).sort()).toEqual(['README.md', 'moect_config.json', 'moect_model.safetensors']);
    const file = await openSafetensors(join(at, EXTENSION_WEIGHTS_FILE));
    expect([...file.entries.keys()]).toContain('model.layers.1.moe.experts.0.gate_proj.weight');
    expect(file.entries.get('model.layers.1.moe.experts.1.down_proj.weight')!.shape).toEqual([16, 24]);
    await file.close();
    const card = await readFile(join(at, 'README.md'), 'utf8');
    expect(card).toMatch(
      /^---\nlibrary_name: moect\nbase_model: base\nlanguage:\n {2}- swh\nlicense: CC0-1.0\n/,
    );
    expect(card).toContain(base.identity.sha256);
  });

  it('is the same bytes for the same extension, and is replaced as a whole', async () => {
    const at = join(folder, 'twice');
    const extension = scrambled();
    await saveExtension(at, extension, info);
    const first = await readFile(join(at, EXTENSION_WEIGHTS_FILE));
    await writeFile(join(at, 'stray.txt'), 'x');
    await saveExtension(at, extension, info);
    expect(await readFile(join(at, EXTENSION_WEIGHTS_FILE))).toEqual(first);
    expect(await readdir(at)).not.toContain('stray.txt');
    expect((await readdir(folder)).filter((name) => name.startsWith('.'))).toEqual([]);
    extension.dispose();
  });

  it('keeps what was there when saving fails', async () => {
    const at = join(folder, 'kept');
    const extension = scrambled();
    await saveExtension(at, extension, info);
    const before = await readFile(join(at, EXTENSION_WEIGHTS_FILE));
    const [, victim] = [...extension.parameters][0]!;
    tidy(() => assign(victim, randomNormal(createRng(1), victim.shape, Number.NaN)));
    await expect(saveExtension(at, extension, info)).rejects.toMatchObject({ name: 'CorruptDataError' });
    expect(await readFile(join(at, EXTENSION_WEIGHTS_FILE))).toEqual(before);
    expect((await readdir(folder)).filter((name) => name.startsWith('.'))).toEqual([]);
    extension.dispose();
  });

  it('halves with bf16, within its precision', async () => {
    const at = join(folder, 'half');
    const extension = scrambled();
    await saveExtension(at, extension, info, { dtype: 'bf16' });
    const file = await openSafetensors(join(at, EXTENSION_WEIGHTS_FILE));
    expect(new Set([...file.entries.values()].map(({ dtype }) => dtype))).toEqual(new Set(['BF16']));
    await file.close();
    const loaded = await loadExtension(at, base);
    const [wanted, given] = [await valuesOf(extension), await valuesOf(loaded.extension)];
    for (const [path, values] of Object.entries(wanted)) {
      values.forEach((value, i) => {
        expect(Math.abs(given[path]![i]! - value)).toBeLessThanOrEqual(Math.abs(value) / 256);
      });
    }
    extension.dispose();
    loaded.extension.dispose();
  });

  it('leaks no tensor, loaded or refused', async () => {
    const before = memory().numTensors;
    const extension = scrambled();
    await saveExtension(join(folder, 'leak'), extension, info);
    extension.dispose();
    (await loadExtension(join(folder, 'leak'), base)).extension.dispose();
    await expect(
      loadDamaged((at) => editWeights(at, (t) => void t.delete([...t.keys()][0]!))),
    ).rejects.toThrow();
    expect(memory().numTensors).toBe(before);
  });
});

describe('an extension folder is refused', () => {
  it('with another base', async () => {
    await makeTinyBase(join(folder, 'other'), 2);
    const other = await loadBase(join(folder, 'other'));
    await expect(loadExtension(join(folder, 'pack-moe-ct'), other)).rejects.toMatchObject({
      name: 'BaseMismatchError',
      expectedSha256: base.identity.sha256,
      givenSha256: other.identity.sha256,
    });
    other.model.dispose();
  });

  it.each<[string, string, RegExp, (at: string) => Promise<void>]>([
    [
      'a missing tensor',
      'NoMatchingParameterError',
      /router/,
      (at) => editWeights(at, (t) => void t.delete('model.layers.0.moe.router.weight')),
    ],
    [
      'a missing expert',
      'NoMatchingParameterError',
      /experts\.0/,
      (at) => editWeights(at, (t) => void t.delete('model.layers.0.moe.experts.0.up_proj.weight')),
    ],
    [
      'an unused tensor',
      'NoMatchingParameterError',
      /stranger/,
      (at) => editWeights(at, (t) => void t.set('stranger', { shape: [1], data: Float32Array.of(1) })),
    ],
    [
      'a tensor of another shape',
      'ShapeMismatchError',
      /\[2, 15\]/,
      (at) =>
        editWeights(
          at,
          (t) =>
            void t.set('model.layers.0.moe.router.weight', { shape: [2, 15], data: new Float32Array(30) }),
        ),
    ],
    [
      'NaN',
      'CorruptDataError',
      /router/,
      (at) => editWeights(at, (t) => t.get('model.layers.0.moe.router.weight')!.data.fill(Number.NaN), true),
    ],
    [
      'a file cut short',
      'CorruptDataError',
      /safetensors/,
      async (at) => {
        const path = join(at, EXTENSION_WEIGHTS_FILE);
        await writeFile(path, (await readFile(path)).subarray(0, -3));
      },
    ],
    [
      'an unknown key',
      'CorruptDataError',
      /surprise/,
      (at) => editConfig(at, (c) => void Object.assign(c, { surprise: 1 })),
    ],
    [
      'a newer schema',
      'CorruptDataError',
      /schema/,
      (at) => editConfig(at, (c) => void Object.assign(c, { schema: 'moect-extension/2' })),
    ],
    [
      'a method that is not there',
      'NoSuchComponentError',
      /moe-lpr/,
      (at) => editConfig(at, (c) => void Object.assign(c, { method: 'moe-lpr' })),
    ],
    [
      'settings that the method does not know',
      'InvalidConfigError',
      /moect_config\.json.*tpoK/s,
      (at) => editConfig(at, (c) => void Object.assign(c['config'] as object, { tpoK: 2 })),
    ],
    ['no config', 'CorruptDataError', /no moect_config/, (at) => rm(join(at, EXTENSION_CONFIG_FILE))],
    [
      'broken JSON',
      'CorruptDataError',
      /JSON/,
      (at) => writeFile(join(at, EXTENSION_CONFIG_FILE), '{"schema":'),
    ],
  ])('with %s', async (_what, name, message, damage) => {
    const refusal = await loadDamaged(damage).then(
      () => null,
      (error: Error) => error,
    );
    expect(refusal).toMatchObject({ name });
    expect(refusal!.message).toMatch(message);
  });

  it('reads its config without its weights', async () => {
    expect((await readExtensionConfig(join(folder, 'pack-lora-ct'))).method).toBe('lora-ct');
  });
});
