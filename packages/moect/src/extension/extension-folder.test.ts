import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSafetensors, writeSafetensorsFile } from '@moect/safetensors/node';
import { assign, createRng, memory, randomNormal, tidy } from '@moect/tensor';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Base } from '../base/base.ts';
import { chooseBackend } from '../base/choose-backend.ts';
import { openBase } from '../base/open-base.ts';
import { defaultMoect } from '../parts/moect.ts';
import { makeTinyBase } from '../testing/make-tiny-base.ts';
import { testPack } from '../testing/test-pack.ts';
import { EXTENSION_CONFIG_FILE, EXTENSION_WEIGHTS_FILE } from './extension-config.ts';
import { openPack } from './open-pack.ts';
import type { Pack } from './pack.ts';

const presets = [...defaultMoect.presets.values()];

let folder: string;
let base: Base;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'moect-extension-'));
  await chooseBackend('wasm', 1);
  await makeTinyBase(join(folder, 'base'));
  base = await openBase(join(folder, 'base'));
});
afterAll(() => rm(folder, { recursive: true }));

/** An extension of random parameters only, so that a misplaced tensor is noticed. */
function scrambled(presetName = 'moe-ct'): Pack {
  const preset = presets.find(({ name }) => name === presetName)!;
  const extension = defaultMoect.method(preset.method).attach(base.model, preset.config, createRng(5));
  for (const [path, parameter] of extension.parameters) {
    tidy(() => assign(parameter, randomNormal(createRng(9).fork(path), parameter.shape, 0.3)));
  }
  return testPack(base, extension);
}

async function valuesOf({ extension }: Pack): Promise<Record<string, number[]>> {
  const values: Record<string, number[]> = {};
  for (const [path, parameter] of extension.parameters) values[path] = [...(await parameter.data())];
  return values;
}

/** Saves a good extension, applies `damage` to it, and loads it. */
async function loadDamaged(damage: (at: string) => Promise<void>): Promise<unknown> {
  const at = join(folder, 'damaged');
  const pack = scrambled();
  await pack.save(at);
  pack.dispose();
  await damage(at);
  return openPack(base, at);
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
    const pack = scrambled(name);
    await pack.save(at);
    const loaded = await openPack(base, at);
    const { method, config } = pack.extension;
    expect(await valuesOf(loaded)).toEqual(await valuesOf(pack));
    expect(loaded.extension.config).toEqual(config);
    expect(loaded.info).toMatchObject({ method, license: 'CC0-1.0', base: base.identity });
    pack.dispose();
    loaded.dispose();
  });

  it('has one tensor for each expert, a config and a model card, and nothing else', async () => {
    const at = join(folder, 'named');
    const pack = scrambled();
    await pack.save(at);
    pack.dispose();
    expect((await readdir(at)).sort()).toEqual(['README.md', 'moect_config.json', 'moect_model.safetensors']);
    const file = await openSafetensors(join(at, EXTENSION_WEIGHTS_FILE));
    expect([...file.entries.keys()]).toContain('model.layers.1.moe.experts.0.gate_proj.weight');
    expect(file.entries.get('model.layers.1.moe.experts.1.down_proj.weight')!.shape).toEqual([16, 24]);
    await file.close();
    const card = await readFile(join(at, 'README.md'), 'utf8');
    // a base in a folder has no name on the hub that `base_model` could give
    expect(card).toMatch(/^---\nlibrary_name: moect\nlanguage:\n {2}- swh\nlicense: CC0-1.0\n/);
    expect(card).toContain(base.identity.sha256);
  });

  it('is the same bytes for the same extension, and is replaced as a whole', async () => {
    const at = join(folder, 'twice');
    const pack = scrambled();
    await pack.save(at);
    const first = await readFile(join(at, EXTENSION_WEIGHTS_FILE));
    await writeFile(join(at, 'stray.txt'), 'x');
    await pack.save(at);
    expect(await readFile(join(at, EXTENSION_WEIGHTS_FILE))).toEqual(first);
    expect(await readdir(at)).not.toContain('stray.txt');
    expect((await readdir(folder)).filter((name) => name.startsWith('.'))).toEqual([]);
    pack.dispose();
  });

  it('keeps what was there when saving fails', async () => {
    const at = join(folder, 'kept');
    const pack = scrambled();
    await pack.save(at);
    const before = await readFile(join(at, EXTENSION_WEIGHTS_FILE));
    const [, victim] = [...pack.extension.parameters][0]!;
    tidy(() => assign(victim, randomNormal(createRng(1), victim.shape, Number.NaN)));
    await expect(pack.save(at)).rejects.toMatchObject({ name: 'CorruptDataError' });
    expect(await readFile(join(at, EXTENSION_WEIGHTS_FILE))).toEqual(before);
    expect((await readdir(folder)).filter((name) => name.startsWith('.'))).toEqual([]);
    pack.dispose();
  });

  it('halves with bf16, within its precision', async () => {
    const at = join(folder, 'half');
    const pack = scrambled();
    await pack.save(at, { dtype: 'bf16' });
    const file = await openSafetensors(join(at, EXTENSION_WEIGHTS_FILE));
    expect(new Set([...file.entries.values()].map(({ dtype }) => dtype))).toEqual(new Set(['BF16']));
    await file.close();
    const loaded = await openPack(base, at);
    const [wanted, given] = [await valuesOf(pack), await valuesOf(loaded)];
    for (const [path, values] of Object.entries(wanted)) {
      values.forEach((value, i) => {
        expect(Math.abs(given[path]![i]! - value)).toBeLessThanOrEqual(Math.abs(value) / 256);
      });
    }
    pack.dispose();
    loaded.dispose();
  });

  it('leaks no tensor, loaded or refused', async () => {
    const before = memory().numTensors;
    const pack = scrambled();
    await pack.save(join(folder, 'leak'));
    pack.dispose();
    (await openPack(base, join(folder, 'leak'))).dispose();
    await expect(
      loadDamaged((at) => editWeights(at, (t) => void t.delete([...t.keys()][0]!))),
    ).rejects.toThrow();
    expect(memory().numTensors).toBe(before);
  });
});

describe('an extension folder is refused', () => {
  it('with another base', async () => {
    await makeTinyBase(join(folder, 'other'), 2);
    const other = await openBase(join(folder, 'other'));
    await expect(openPack(other, join(folder, 'pack-moe-ct'))).rejects.toMatchObject({
      name: 'BaseMismatchError',
      expectedSha256: base.identity.sha256,
      givenSha256: other.identity.sha256,
    });
    other.dispose();
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
});
