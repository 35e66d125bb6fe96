import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CorruptDataError } from '@moect/core';
import { selectBackend, testBackends } from '@moect/tensor/testing';
import { fixture, fixtureJson } from 'moect-test-support/fixtures';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { generate } from '../generation/generate.ts';
import { loadHuggingFaceFolder, loadLlama2c } from '../node/load-folder.ts';
import { readLlama2c } from './read-checkpoint.ts';
import { llama2cTokenizerJson, readLlama2cTokenizer } from './read-tokenizer.ts';

const legacy = fixture('stories260k/checkpoint_legacy.bin');
const tokenizerFile = fixture('stories260k/tokenizer.bin');
const converted = fixture('stories260k-hf');

/** SHA-256 of the published checkpoint_v1.bin. */
const VERSION_1_SHA256 = '9ab1bf3d0c9900ce357fb38b0f42c3252e0ad478400bf7093efa133c8fa60723';

/**
 * checkpoint_v1.bin, from the same weights in version 0: a longer header, all norms first, no tables of cosines.
 * The test compares its hash with that of the published file.
 */
function asVersion1(old: Buffer): Buffer {
  const sizes = Array.from({ length: 7 }, (_, i) => old.readInt32LE(4 * i));
  const [dim, hidden, layers, heads, keyValueHeads, vocab] = sizes as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const keyValue = (dim / heads) * keyValueHeads;
  const square = dim * dim;
  const ffn = hidden * dim;
  const attention = 2 * square + 2 * keyValue * dim;
  let at = 28;
  const take = (count: number): Buffer => {
    const from = at;
    at += 4 * count;
    return old.subarray(from, at);
  };
  const embedding = take(vocab * dim);
  const attentionNorms = take(layers * dim);
  const projections = take(layers * attention);
  const ffnNorms = take(layers * dim);
  const ffns = take(3 * layers * ffn);
  const lastNorm = take(dim);
  const header = Buffer.alloc(256);
  for (const [i, value] of [0x616b3432, 1, ...sizes].entries()) header.writeInt32LE(value, 4 * i);
  header.writeUInt8(1, 36);
  return Buffer.concat([header, attentionNorms, ffnNorms, lastNorm, embedding, projections, ffns]);
}

interface Golden {
  cases: { prompt: string; prompt_ids: number[]; ids: number[]; text: string }[];
}

describe('stories260K', () => {
  const golden = (): Golden => fixtureJson('stories260k-hf/golden.json');
  let folder = '';
  let version1 = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'moect-llama2c-'));
    version1 = join(folder, 'checkpoint_v1.bin');
    await writeFile(version1, asVersion1(readFileSync(legacy)));
  });
  afterAll(() => rm(folder, { recursive: true }));

  it('has the published version 1', () => {
    expect(createHash('sha256').update(readFileSync(version1)).digest('hex')).toBe(VERSION_1_SHA256);
  });

  describe.each(testBackends())('on %s', (backend) => {
    beforeAll(async () => void (await selectBackend(backend)));

    it.each(['version 0', 'version 1'])('%s tells the golden story', async (version) => {
      const file = version === 'version 0' ? legacy : version1;
      const { model, tokenizer } = await loadLlama2c(file, tokenizerFile);
      const story = golden().cases.find(({ prompt }) => prompt === '')!;
      const { tokens } = await generate(model, [tokenizer!.bosTokenId!], { maxNewTokens: 200 });
      expect([1, ...tokens]).toEqual(story.ids);
      const text = tokenizer!.decode(tokens);
      expect(text).toBe(story.text);
      expect(text).toHaveLength(464);
      model.dispose();
    });

    it('both versions hold the weights of the converted folder, bit for bit', async () => {
      const { model } = await loadHuggingFaceFolder(converted);
      for (const file of [legacy, version1]) {
        const { model: other } = await loadLlama2c(file);
        expect(other.config).toMatchObject({ hidden_size: 64, tie_word_embeddings: true });
        for (const [name, weight] of model.parameters) {
          const [a, b] = [await weight.data(), await other.parameters.get(name)!.data()];
          expect([name, a.every((value, i) => value === b[i])]).toEqual([name, true]);
        }
        other.dispose();
      }
      model.dispose();
    });

    // plain JavaScript needs half a minute for these
    it.skipIf(backend === 'cpu')('continues golden prompts', async () => {
      const { model, tokenizer } = await loadHuggingFaceFolder(converted);
      for (const { prompt, prompt_ids: ids, ids: all } of golden().cases.slice(0, 4)) {
        expect([tokenizer!.bosTokenId, ...tokenizer!.encode(prompt)]).toEqual(ids);
        const { tokens } = await generate(model, ids, { maxNewTokens: all.length - ids.length });
        expect([...ids, ...tokens]).toEqual(all);
      }
      model.dispose();
    });
  });

  it('tokenizer.bin becomes the tokenizer.json of the converted folder', () => {
    const made = llama2cTokenizerJson(readFileSync(tokenizerFile));
    const given = fixtureJson<typeof made>('stories260k-hf/tokenizer.json');
    for (const part of ['normalizer', 'decoder', 'added_tokens', 'model'])
      expect(made[part]).toEqual(given[part]);
  });
});

/** A version 1 header for a model of one layer, with as many weights as told. */
function checkpoint(weights: number, vocab = 5): Uint8Array {
  const bytes = new Uint8Array(256 + 4 * weights);
  const view = new DataView(bytes.buffer);
  const numbers = [0x616b3432, 1, 4, 6, 1, 2, 1, vocab, 8];
  for (const [i, value] of numbers.entries()) view.setInt32(4 * i, value, true);
  view.setUint8(36, 1);
  return bytes;
}
// norms 4+4+4, embedding 20, q 16, k 8, v 8, o 16, three times 24
const COUNT = 12 + 20 + 48 + 72;

describe('readLlama2c', () => {
  it('takes exactly the weights that the header asks for', () => {
    expect(readLlama2c(checkpoint(COUNT)).store.shapes.get('model.layers.0.self_attn.k_proj.weight')).toEqual(
      [2, 4],
    );
    expect(() => readLlama2c(checkpoint(COUNT - 1))).toThrow(CorruptDataError);
    expect(() => readLlama2c(checkpoint(COUNT + 1))).toThrow(/has 153 weights, the header asks for 152/);
    expect(() => readLlama2c(checkpoint(COUNT).subarray(0, 255))).toThrow(CorruptDataError);
    expect(() => readLlama2c(checkpoint(COUNT).subarray(0, 858))).toThrow(/no whole number of weights/);
  });

  it('refuses other versions and impossible sizes', () => {
    const quantized = checkpoint(COUNT);
    new DataView(quantized.buffer).setInt32(4, 2, true);
    expect(() => readLlama2c(quantized)).toThrow(/is version 2/);
    expect(() => readLlama2c(checkpoint(COUNT, 0))).toThrow(/says vocabSize = 0/);
    expect(() => readLlama2c(new Uint8Array(3))).toThrow(/less than a header/);
  });

  it('refuses damaged tokenizers', () => {
    expect(() => readLlama2cTokenizer(new Uint8Array(9))).toThrow(/ends inside a piece/);
    expect(() => readLlama2cTokenizer(new Uint8Array(4))).toThrow(/has no byte pieces/);
  });
});
