import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import type { Tensor } from '@moect/core';
import { frozenStorageOf } from '@moect/tensor';
import { fixture } from 'moect-test-support/fixtures';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openBase as openInPage } from '../browser.ts';
import { runHere } from '../testing/run-cli.ts';
import { makeTinyWorld, type TinyWorld } from '../testing/tiny-world.ts';
import { openBase } from './open-base.ts';

const GGUF = fixture('gguf/stories260k.gguf');

let world: TinyWorld;
beforeAll(async () => {
  world = await makeTinyWorld();
});
afterAll(() => world.remove());

const embedding = (base: { model: { parameters: ReadonlyMap<string, Tensor> } }): Tensor =>
  base.model.parameters.get('model.embed_tokens.weight')!;

describe('a base in a GGUF file', { timeout: 300_000 }, () => {
  it('is held as its file has it, and is the same base in any storage', async () => {
    const own = await openBase(GGUF);
    expect(own).toMatchObject({ storage: 'file', place: GGUF, parameterCount: 260_032 });
    expect(frozenStorageOf(embedding(own))).toBe('q8_0');
    // the blocks stand for exactly the values that the digest is of
    expect(await own.heldSha256()).toBe(own.identity.sha256);
    for (const storage of ['float32', 'int8'] as const) {
      const base = await openBase(GGUF, { storage });
      expect(frozenStorageOf(embedding(base))).toBe(storage);
      expect(base.identity).toEqual(own.identity);
      expect(base.tokenizerSha256).toBe(own.tokenizerSha256);
      base.dispose();
    }
    own.dispose();
  });

  it('opens from a File as from a path, and the only GGUF file of a folder opens by its folder', async () => {
    const own = await openBase(GGUF);
    const file = new File([await readFile(GGUF)], 'stories260k.gguf');
    const dropped = await openInPage(file);
    expect(dropped.identity).toEqual(own.identity);
    await mkdir(world.at('folder'));
    await copyFile(GGUF, world.at('folder/one.gguf'));
    const inFolder = await openBase(world.at('folder'));
    expect(inFolder.identity.sha256).toBe(own.identity.sha256);
    await copyFile(GGUF, world.at('folder/two.gguf'));
    await expect(openBase(world.at('folder'))).rejects.toThrow(
      /has 2 GGUF files.*[\s\S]*Name one of them: one\.gguf, two/,
    );
    for (const base of [own, dropped, inFolder]) base.dispose();
  });

  it('says what is wrong with other files', async () => {
    await writeFile(world.at('notes.txt'), 'no model');
    await writeFile(world.at('broken.gguf'), 'no model');
    await expect(openBase(world.at('notes.txt'))).rejects.toThrow(/notes\.txt is a file, and no GGUF file/);
    await expect(openBase(world.at('broken.gguf'))).rejects.toThrow(/does not begin with 'GGUF'/);
    await expect(openBase(fixture('gguf/gpt2.gguf'))).rejects.toThrow(/has no tokenizer in its metadata/);
    await expect(openInPage(new Blob(['no model']))).rejects.toThrow(/does not begin with 'GGUF'/);
    const { code, stderr } = await runHere([
      'train',
      '--base',
      world.at('notes.txt'),
      '--text',
      `a=${world.at('swh_Latn.txt')}`,
    ]);
    expect(code).toBe(65);
    expect(stderr).toMatch(/base: .*notes\.txt is no GGUF file/);
  });

  it.each(['lora-ct', 'ct'])('trains, records and repeats itself: %s', async (preset) => {
    const texts = ['--text', world.at('swh_Latn.txt'), '--replay', world.at('eng_Latn.txt')];
    const run = await runHere([
      ...['train', '--base', GGUF, ...texts, '--preset', preset, '--tokens', '512'],
      ...['--output', world.at(preset)],
    ]);
    expect(run.code, run.stderr).toBe(0);
    const scores: number[] = [];
    for (const storage of ['file', 'float32']) {
      const models = [
        '--base',
        GGUF,
        '--base-storage',
        storage,
        '--extension',
        world.at(preset, 'extension'),
      ];
      const scored = await runHere(['eval', ...models, '--text', world.at('swh_Latn.txt'), '--json']);
      expect(scored.code, scored.stderr).toBe(0);
      scores.push(JSON.parse(scored.stdout).languages[0].bitsPerByte);
    }
    // the same weights, widened before or inside the kernels: sums of float32 differ in their order
    expect(Math.abs(scores[0]! - scores[1]!)).toBeLessThan(1e-4);
    const again = await runHere(['train', world.at(preset, 'resolved.json'), '--plan']);
    expect(again.code, again.stderr).toBe(0);
  });
});
