import { cp, readFile, writeFile } from 'node:fs/promises';
import { digestParameters } from '@moect/freeze';
import type { HostTensor } from '@moect/safetensors';
import { openSafetensors, writeSafetensorsFile } from '@moect/safetensors/node';
import { frozenStorageOf } from '@moect/tensor';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseConfig } from '../config/read-config.ts';
import { runHere } from '../testing/run-cli.ts';
import { makeTinyWorld, type TinyWorld } from '../testing/tiny-world.ts';
import { train as trainBase } from '../training/train.ts';
import { openBase } from './open-base.ts';

let world: TinyWorld;
beforeAll(async () => {
  world = await makeTinyWorld();
});
afterAll(() => world.remove());

const train = (output: string, ...more: string[]): string[] => {
  const { at } = world;
  const texts = ['--text', at('swh_Latn.txt'), '--tokens', '2048'];
  return ['train', '--base', at('base'), ...texts, '--output', at(output), ...more];
};

describe('storage of the base', { timeout: 300_000 }, () => {
  it('keeps the identity of the file, and the proof of freezing for what is held', async () => {
    const plain = await openBase(world.at('base'));
    expect(await plain.heldSha256()).toBe(plain.identity.sha256);
    for (const storage of ['bfloat16', 'int8'] as const) {
      const base = await openBase(world.at('base'), { storage });
      expect(base.identity).toEqual(plain.identity);
      // random float32 weights: both round
      expect(await base.heldSha256()).not.toBe(plain.identity.sha256);
      base.dispose();
    }
    plain.dispose();
  });

  it('trains, records and repeats it, and the extension fits the base in any storage', async () => {
    const { code } = await runHere(train('small', '--base-storage', 'int8'));
    expect(code).toBe(0);
    const resolved = JSON.parse(await readFile(world.at('small/resolved.json'), 'utf8'));
    expect(resolved.baseStorage).toBe('int8');
    for (const storage of ['float32', 'bfloat16', 'int8']) {
      const flags = ['--base', world.at('base'), '--base-storage', storage];
      const models = [...flags, '--extension', world.at('small/extension')];
      const run = await runHere(['eval', ...models, '--text', world.at('swh_Latn.txt'), '--json']);
      expect(run.code, storage).toBe(0);
    }
  });

  it('trains on the cpu backend too, which says that it saves nothing', async () => {
    const flags = ['--base-storage', 'int8', '--backend', 'cpu', '--tokens', '256'];
    const { code, stderr } = await runHere(train('plain', ...flags));
    expect(code, stderr).toBe(0);
    expect(stderr).toContain('the cpu backend rounds the base to int8 but holds it as float32');
    const wasm = await runHere(train('fast', '--base-storage', 'int8', '--tokens', '256'));
    expect(wasm.stderr).not.toContain('holds it as float32');
  });

  it('by default is the bfloat16 of a bfloat16 file: the same values, base and scores, and full training begins with them', async () => {
    const { at } = world;
    await cp(at('base'), at('half'), { recursive: true });
    const file = await openSafetensors(at('base/model.safetensors'));
    const tensors: [string, HostTensor][] = [];
    for (const name of file.entries.keys()) tensors.push([name, await file.tensor(name)]);
    await file.close();
    await writeSafetensorsFile(at('half/model.safetensors'), tensors, { dtype: 'BF16' });
    const [half, wide] = [await openBase(at('half')), await openBase(at('half'), { storage: 'float32' })];
    const storages = [...half.model.parameters.values()].map((x) => [x.rank, frozenStorageOf(x)].join());
    expect([...new Set(storages)].sort()).toEqual(['1,float32', '2,bfloat16']);
    expect(await half.heldSha256()).toBe(wide.identity.sha256);
    expect(await digestParameters(half.model.parameters)).toBe(wide.identity.sha256);
    const languages = { swh_Latn: await readFile(at('swh_Latn.txt'), 'utf8') };
    const results = [];
    for (const base of [half, wide]) {
      const pack = await trainBase(base, { languages, preset: 'ct', training: { steps: 3, batchSize: 2 } });
      results.push([pack.heldOut, [...pack.extension.overrides.values()].map(frozenStorageOf)]);
      pack.dispose();
      base.dispose();
    }
    expect(results[0]).toEqual(results[1]);
  });

  it('is refused where the method trains the base, with the line of the file', async () => {
    const run = await runHere(train('full', '--base-storage', 'int8', '--preset', 'ct'));
    expect(run.code).toBe(65);
    expect(run.stderr).toMatch(/baseStorage: is int8, but the method 'ct' trains \d+ matrices of the base/);
    const yaml = `base: base\nbaseStorage: bfloat16\npreset: ct\nlanguages: [{ code: swh_Latn, role: new, files: [swh_Latn.txt] }]\n`;
    await writeFile(world.at('ct.yaml'), yaml);
    const fromFile = await runHere(['train', world.at('ct.yaml'), '--output', world.at('full')]);
    expect(fromFile.stderr).toMatch(/line 2: baseStorage: is bfloat16/);
    const wrong = parseConfig(yaml.replace('bfloat16', 'bf16'), world.at());
    await expect(wrong).rejects.toThrow(
      /baseStorage: is "bf16", must be one of file, float32, bfloat16, int8/,
    );
  });
});
