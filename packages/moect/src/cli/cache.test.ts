import { readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { type Finished, runHere } from '../testing/run-cli.ts';
import { makeTinyWorld, type TinyWorld } from '../testing/tiny-world.ts';

let world: TinyWorld;
beforeAll(async () => {
  world = await makeTinyWorld();
});
afterAll(() => world.remove());

async function train(output: string, more: object, ...flags: string[]): Promise<Finished> {
  const { at } = world;
  const config = {
    base: at('base'),
    preset: 'moe-ct',
    method: { layers: { top: 1 }, attentionRank: 0 },
    languages: [
      { code: 'swh_Latn', role: 'new', files: [at('swh_Latn.txt')] },
      { code: 'eng_Latn', role: 'old', files: [at('eng_Latn.txt')] },
    ],
    output: at(output),
    ...more,
    training: { tokens: 3000, ...(more as { training?: object }).training },
  };
  await writeFile(at(`${output}.yaml`), stringify(config));
  return runHere(['train', at(`${output}.yaml`), ...flags]);
}

const weights = (output: string): Promise<Buffer> =>
  readFile(world.at(output, 'extension/moect_model.safetensors'));

async function shards(): Promise<string[]> {
  return (await readdir(world.at('states'), { recursive: true })).filter((name) =>
    name.endsWith('.safetensors'),
  );
}

describe('moect with a cache of hidden states', { timeout: 300_000 }, () => {
  it('trains to the same bytes with a cold and a warm cache, by file and by flag', async () => {
    const cache = { folder: 'states', maxBytes: 50_000_000 };
    expect(await train('cold', { cache })).toMatchObject({ code: 0 });
    const before = (await shards()).sort();
    expect(before.length).toBeGreaterThan(0);
    const flags = ['--cache', world.at('states'), '--cache-bytes', '50000000', '--recompute'];
    expect(await train('warm', {}, ...flags)).toMatchObject({ code: 0 });
    expect((await shards()).sort()).toEqual(before);
    expect((await weights('warm')).equals(await weights('cold'))).toBe(true);
    expect(await train('plain', { training: { recompute: true } })).toMatchObject({ code: 0 });
    expect((await weights('plain')).equals(await weights('cold'))).toBe(false);
    const resolved = JSON.parse(await readFile(world.at('warm/resolved.json'), 'utf8'));
    expect(resolved).toMatchObject({
      cache: { folder: world.at('states'), maxBytes: 50_000_000 },
      training: { recompute: true },
    });
  });

  it('keeps a rounded base apart', async () => {
    const before = await shards();
    const more = { cache: { folder: 'states' }, baseStorage: 'int8', training: { recompute: true } };
    expect(await train('rounded', more)).toMatchObject({ code: 0 });
    const added = (await shards()).filter((name) => !before.includes(name));
    expect(added.length).toBeGreaterThan(0);
    expect(added.every((name) => !before.some((old) => dirname(old) === dirname(name)))).toBe(true);
  });

  it('says when there is nothing to keep', async () => {
    const { code, stderr } = await train('all', {
      preset: 'lora-ct',
      method: {},
      cache: { folder: 'nothing' },
    });
    expect(code).toBe(0);
    expect(stderr).toMatch(/note: cache: the lowest layer is trained/);
  });

  it('scores and compares with it, the second time from disk', async () => {
    const models = ['--base', world.at('base'), '--extension', world.at('cold/extension')];
    const text = ['--text', world.at('cold/held-out/swh_Latn.jsonl'), world.at('rus_Cyrl.txt')];
    const bitsPerByte = async (...flags: string[]): Promise<number[]> => {
      const { stdout, code } = await runHere(['eval', ...models, ...text, '--json', ...flags]);
      expect(code).toBe(0);
      return JSON.parse(stdout).languages.map((row: { bitsPerByte: number }) => row.bitsPerByte);
    };
    const cache = ['--cache', world.at('states')];
    const cold = await bitsPerByte(...cache);
    const before = (await shards()).sort();
    expect(await bitsPerByte(...cache)).toEqual(cold);
    const plain = await bitsPerByte();
    expect(plain).not.toEqual(cold);
    for (const [i, value] of plain.entries()) expect(Math.abs(cold[i]! / value - 1)).toBeLessThan(0.005);
    const output = ['--output', world.at('results'), '--resamples', '50'];
    expect((await runHere(['compare', ...models, ...text, ...cache, ...output])).code).toBe(0);
    expect((await shards()).sort()).toEqual(before);
  });

  it('refuses a bound without a cache', async () => {
    const { code, stderr } = await train('odd', {}, '--cache-bytes', '5');
    expect(code).toBe(64);
    expect(stderr).toMatch(/--cache-bytes bounds a cache, and there is none/);
  });
});
