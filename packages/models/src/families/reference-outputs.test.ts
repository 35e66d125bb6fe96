import { join } from 'node:path';
import type { BaseModel } from '@moect/core';
import { type OpenSafetensors, openSafetensors, readJsonFile } from '@moect/safetensors/node';
import { dispose, tensor } from '@moect/tensor';
import { maxDifference, selectBackend, testBackends } from '@moect/tensor/testing';
import { fixture, fixtureJson } from 'moect-test-support/fixtures';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createModel } from '../families/create-model.ts';
import { generate, generateBatch } from '../generation/generate.ts';
import { loadParameters } from '../hf/load-parameters.ts';
import { openFolderStore } from '../node/folder-store.ts';
import { loadHuggingFaceFolder } from '../node/load-folder.ts';

const FOLDERS = [
  'bloom',
  'bloom-unprefixed',
  'gemma2',
  'gemma3-text',
  'gemma3-text-scaled',
  'gpt2',
  'gpt2-unprefixed',
  'gptneox',
  'gptneox-sequential',
  'llama-dynamic-ntk',
  'llama-gqa-tied-bf16',
  'llama-headdim',
  'llama-linear-rope',
  'llama-mha-untied',
  'llama-sharded-f16',
  'llama-yarn',
  'llama3-rope-scaled',
  'mistral-sliding',
  'mixtral',
  'olmo2',
  'olmoe',
  'phi3',
  'qwen-v1',
  'qwen2',
  'qwen2-moe',
  'qwen2-untied',
  'qwen3',
];

interface Expected {
  loss: number;
  greedy: { prompt_ids: number[]; continuation_ids: number[] };
  left_padded: { input_ids: number[][]; attention_mask: number[][]; continuation_ids: number[][] };
}

/** Outputs of transformers for random checkpoints; the limits are explained beside the fixtures. */
describe.each(testBackends())('against transformers on %s', (backend) => {
  beforeAll(async () => void (await selectBackend(backend)));

  describe.each(FOLDERS)('%s', (name) => {
    const folder = fixture(`models/${name}`);
    let model: BaseModel;
    let expected: OpenSafetensors;
    const golden = (): Expected => fixtureJson(`models/${name}/expected.json`);
    beforeAll(async () => {
      ({ model } = await loadHuggingFaceFolder(folder));
      expected = await openSafetensors(join(folder, 'expected.safetensors'));
    });
    afterAll(async () => {
      model.dispose();
      await expected.close();
    });

    const inputs = async () => {
      const { shape, data } = await expected.tensor('input_ids');
      return tensor(data, shape, 'int32');
    };

    it('logits and hidden states', async () => {
      const tokens = await inputs();
      const result = model.forward(tokens, { collectHiddenStates: true });
      expect(maxDifference(await result.logits.data(), (await expected.tensor('logits')).data)).toBeLessThan(
        3e-4,
      );
      expect(result.hiddenStates).toHaveLength(model.numLayers + 1);
      for (const [i, hidden] of result.hiddenStates.entries()) {
        const wanted = (await expected.tensor(`hidden_states.${i}`)).data;
        expect(maxDifference(await hidden.data(), wanted)).toBeLessThan(2e-4);
      }
      dispose([tokens, result]);
    });

    it('loss', async () => {
      const tokens = await inputs();
      const { shape, data } = await expected.tensor('input_ids');
      const time = shape[1]!;
      const targets = tensor(
        Int32Array.from(data, (_, i) => (i % time === time - 1 ? -1 : data[i + 1]!)),
        shape,
        'int32',
      );
      const result = model.loss!(tokens, targets, 1 / (data.length - shape[0]!));
      expect(Math.abs((await result.loss.data())[0]! - golden().loss)).toBeLessThan(1e-5);
      dispose([tokens, targets, result]);
    });

    it.skipIf(name === 'qwen-v1')('the same logits with the configuration of transformers 4', async () => {
      const config = await readJsonFile(join(folder, 'config.v4.json'));
      const store = await openFolderStore(folder);
      const other = createModel(config, await loadParameters(store, config));
      const tokens = await inputs();
      const [a, b] = [model.forward(tokens), other.forward(tokens)];
      expect(maxDifference(await a.logits.data(), await b.logits.data())).toBe(0);
      dispose([tokens, a, b]);
      other.dispose();
      await store.close();
    });

    it('greedy continuation with a cache', async () => {
      const { prompt_ids: prompt, continuation_ids: ids } = golden().greedy;
      expect((await generate(model, prompt, { maxNewTokens: ids.length })).tokens).toEqual(ids);
    });

    it('greedy continuation of prompts padded on the left', async () => {
      const { input_ids: rows, attention_mask: masks, continuation_ids: ids } = golden().left_padded;
      const prompts = rows.map((row, i) => row.filter((_, t) => masks[i]![t] === 1));
      const made = await generateBatch(model, prompts, { maxNewTokens: ids[0]!.length });
      expect(made.map(({ tokens }) => tokens)).toEqual(ids);
    });

    it('last logits of rows padded on the left', async () => {
      const { input_ids: rows, attention_mask: masks } = golden().left_padded;
      const shape = [rows.length, rows[0]!.length];
      const tokens = tensor(rows.flat(), shape, 'int32');
      const documentIds = tensor(
        masks.flat().map((on) => on - 1),
        shape,
        'int32',
      );
      const counted = masks.flatMap((mask) =>
        mask.map((_, t) => Math.max(0, mask.slice(0, t + 1).reduce((a, b) => a + b, 0) - 1)),
      );
      const positions = tensor(counted, shape, 'int32');
      const result = model.forward(tokens, { documentIds, positions, logits: 'last' });
      expect(result.logits.shape).toEqual([rows.length, 1, model.vocabSize]);
      const wanted = (await expected.tensor('left_padded.last_logits')).data;
      expect(maxDifference(await result.logits.data(), wanted)).toBeLessThan(3e-4);
      dispose([tokens, documentIds, positions, result]);
    });
  });

  it('dynamic scaling without a cache follows the length of the whole text', async () => {
    const { model } = await loadHuggingFaceFolder(fixture('models/llama-dynamic-ntk'));
    const { greedy, greedy_no_cache: uncached } = fixtureJson<{
      greedy: { prompt_ids: number[] };
      greedy_no_cache: { continuation_ids: number[] };
    }>('models/llama-dynamic-ntk/expected.json');
    const ids = [...greedy.prompt_ids];
    for (const _ of uncached.continuation_ids) {
      const tokens = tensor(ids, [1, ids.length], 'int32');
      const result = model.forward(tokens, { logits: 'last' });
      const logits = await result.logits.data();
      ids.push(logits.indexOf(Math.max(...logits)));
      dispose([tokens, result]);
    }
    expect(ids.slice(greedy.prompt_ids.length)).toEqual(uncached.continuation_ids);
    model.dispose();
  });

  it('stories260K, a trained model: logits and hidden states', async () => {
    const folder = fixture('stories260k-hf');
    const { model } = await loadHuggingFaceFolder(folder);
    const expected = await openSafetensors(join(folder, 'expected.safetensors'));
    const ids = await expected.tensor('input_ids');
    const tokens = tensor(ids.data, [1, ids.data.length], 'int32');
    const result = model.forward(tokens, { collectHiddenStates: true });
    expect(maxDifference(await result.logits.data(), (await expected.tensor('logits')).data)).toBeLessThan(
      1e-4,
    );
    const states = [...result.hiddenStates.slice(0, -1).map((_, i) => `hidden.${i}`), 'hidden.norm'];
    for (const [i, key] of states.entries()) {
      const wanted = (await expected.tensor(key)).data;
      expect(maxDifference(await result.hiddenStates[i]!.data(), wanted)).toBeLessThan(1e-4);
    }
    dispose([tokens, result]);
    model.dispose();
    await expected.close();
  });
});
