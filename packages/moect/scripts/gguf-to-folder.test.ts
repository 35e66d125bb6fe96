import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InvalidConfigError } from '@moect/core';
import { digestFile, openSafetensors, readJsonFile } from '@moect/safetensors/node';
import { fixture, fixtureJson } from 'moect-test-support/fixtures';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openBase } from '../src/index.ts';
import { ggufToFolder } from './gguf-to-folder.ts';

/** SmolLM2-135M-Instruct as GGUF, from `npm run get:smollm2`; the model is not in the repository. */
const MODEL = process.env['MOECT_SMOLLM2_GGUF'];

if (MODEL === undefined) {
  console.warn('The folder of SmolLM2 is not tested: MOECT_SMOLLM2_GGUF names no file.');
}

let place: string;
let folder: string;
beforeEach(async () => {
  place = await mkdtemp(join(tmpdir(), 'moect-folder-'));
  folder = join(place, 'folder');
});
afterEach(() => rm(place, { recursive: true }));

describe('a GGUF file as a folder', { timeout: 300_000 }, () => {
  it('has the matrices that transformers reads from the file, which bfloat16 keeps', async () => {
    await ggufToFolder(fixture('gguf/llama-bf16.gguf'), folder);
    const { sha256 } =
      fixtureJson<Record<string, { sha256: Record<string, string> }>>('gguf/expected.json')['llama-bf16']!;
    const file = await openSafetensors(join(folder, 'model.safetensors'));
    expect([...file.entries.keys()].sort()).toEqual(Object.keys(sha256).sort());
    for (const [name, { shape, dtype }] of file.entries) {
      expect(dtype).toBe('BF16');
      // vectors are float32 in the file, and rounded
      if (shape.length < 2) continue;
      const { data } = await file.tensor(name);
      const digest = createHash('sha256').update(new Uint8Array(data.buffer)).digest('hex');
      expect(digest, name).toBe(sha256[name]);
    }
    await file.close();
  });

  it('is the same model with the same tokenizer, and takes the place of an older one', async () => {
    await mkdir(folder);
    await writeFile(join(folder, 'model-00001-of-00002.safetensors'), 'old');
    const gguf = fixture('gguf/stories260k.gguf');
    await ggufToFolder(gguf, folder);
    expect(await readdir(place)).toEqual(['folder']);
    const [own, written] = [await openBase(gguf), await openBase(folder)];
    const text = 'Once upon a time, Lily met 3 dogs.';
    expect(written.tokenizer.encode(text)).toEqual(own.tokenizer.encode(text));
    expect(written.tokenizer.bosTokenId).toBe(own.tokenizer.bosTokenId);
    expect(written.tokenizer.eosTokenIds).toEqual(own.tokenizer.eosTokenIds);
    for (const [name, weight] of own.model.parameters) {
      const [exact, rounded] = [await weight.data(), await written.model.parameters.get(name)!.data()];
      // bfloat16 has 8 bits: off by at most half of the last one
      const isNear = exact.every((value, i) => Math.abs(rounded[i]! - value) <= Math.abs(value) * 2 ** -8);
      expect(isNear, name).toBe(true);
    }
    own.dispose();
    written.dispose();
    expect(await readJsonFile(join(folder, 'config.json'))).toMatchObject({ model_type: 'llama' });
  });

  it('is refused for other families, and nothing is written', async () => {
    await expect(ggufToFolder(fixture('gguf/gpt2.gguf'), folder)).rejects.toThrow(InvalidConfigError);
    expect(await readdir(place)).toEqual([]);
  });

  it.skipIf(MODEL === undefined)('of SmolLM2 has the bytes that transformers writes', async () => {
    await ggufToFolder(MODEL!, folder);
    const { sha256 } = await digestFile(join(folder, 'model.safetensors'));
    expect(sha256).toBe(fixtureJson<Record<string, string>>('smollm2/folder.json')['model.safetensors']);
  });
});
