import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CorruptDataError } from '@moect/core';
import { selectBackend, testBackends } from '@moect/tensor/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { generate } from '../generation/generate.ts';
import { loadHuggingFaceFolder, loadLlama2c } from '../node/load-folder.ts';
import { sharedFolder } from '../testing/shared-folder.ts';
import { readLlama2c } from './read-checkpoint.ts';
import { llama2cTokenizerJson, readLlama2cTokenizer } from './read-tokenizer.ts';

const folder = sharedFolder('data/model-stories260k');
const converted = sharedFolder('fixtures/stories260k-hf');

interface Golden {
  cases: { prompt: string; prompt_ids: number[]; ids: number[]; text: string }[];
}

describe.skipIf(folder === null || converted === null)('stories260K', () => {
  const golden = (): Golden => JSON.parse(readFileSync(join(converted!, 'golden.json'), 'utf8')) as Golden;

  describe.each(testBackends())('on %s', (backend) => {
    beforeAll(async () => void (await selectBackend(backend)));

    it.each(['checkpoint_legacy.bin', 'checkpoint_v1.bin'])('%s tells the golden story', async (file) => {
      const { model, tokenizer } = await loadLlama2c(join(folder!, file), join(folder!, 'tokenizer.bin'));
      const story = golden().cases.find(({ prompt }) => prompt === '')!;
      const { tokens } = await generate(model, [tokenizer!.bosTokenId!], { maxNewTokens: 200 });
      expect([1, ...tokens]).toEqual(story.ids);
      const text = tokenizer!.decode(tokens);
      expect(text).toBe(story.text);
      expect(text).toHaveLength(464);
      model.dispose();
    });

    it('both versions hold the weights of the converted folder, bit for bit', async () => {
      const { model } = await loadHuggingFaceFolder(converted!);
      for (const file of ['checkpoint_legacy.bin', 'checkpoint_v1.bin']) {
        const { model: other } = await loadLlama2c(join(folder!, file));
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
      const { model, tokenizer } = await loadHuggingFaceFolder(converted!);
      for (const { prompt, prompt_ids: ids, ids: all } of golden().cases.slice(0, 4)) {
        expect([tokenizer!.bosTokenId, ...tokenizer!.encode(prompt)]).toEqual(ids);
        const { tokens } = await generate(model, ids, { maxNewTokens: all.length - ids.length });
        expect([...ids, ...tokens]).toEqual(all);
      }
      model.dispose();
    });
  });

  it('tokenizer.bin becomes the tokenizer.json of the converted folder', () => {
    const made = llama2cTokenizerJson(readFileSync(join(folder!, 'tokenizer.bin')));
    const given = JSON.parse(readFileSync(join(converted!, 'tokenizer.json'), 'utf8')) as typeof made;
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
