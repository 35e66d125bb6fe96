import type { BaseModel } from '@moect/core';
import { openGguf } from '@moect/safetensors/node';
import { dispose, frozenStorageOf, tensor } from '@moect/tensor';
import { maxDifference, selectBackend } from '@moect/tensor/testing';
import { type FixtureTensor, fixtureTensors } from 'moect-test-support/fixtures';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadModel } from '../hf/load-model.ts';
import { readGgufModel } from './load-gguf.ts';

/** SmolLM2-135M-Instruct as GGUF, from `npm run get:smollm2`; the model is not in the repository. */
const MODEL = process.env['MOECT_SMOLLM2_GGUF'];

/** The limit of all other logits. Here float32 and float64 of PyTorch differ by 7e-5, and logits go up to 39. */
const LIMIT = 3e-4;

/** Tokens that are fed together: everything, one at a time, and chunks small and large, which take kernels of their own. */
const WAYS: Readonly<Record<string, readonly number[]>> = {
  'the whole prompt': [64],
  'one token at a time': new Array(64).fill(1),
  chunks: [1, 2, 3, 7, 20, 31],
};

if (MODEL === undefined) {
  console.warn('The logits of SmolLM2 are not tested: MOECT_SMOLLM2_GGUF names no file.');
}

function logSumExp(row: Float32Array): number {
  const most = row.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  return most + Math.log(row.reduce((sum, value) => sum + Math.exp(value - most), 0));
}

describe.skipIf(MODEL === undefined)(
  'SmolLM2 in blocks of 4 bits, as PyTorch with the weights that these stand for',
  { timeout: 600_000 },
  () => {
    const expected = fixtureTensors('smollm2/logits.safetensors');
    const of = (name: string): FixtureTensor => expected.get(name)!;
    const length = of('input_ids').data.length;
    const kept = of('ids').shape[1]!;
    let model: BaseModel;
    beforeAll(async () => {
      await selectBackend('wasm');
      const file = await openGguf(MODEL!);
      const { files, weights } = await readGgufModel(file);
      model = (await loadModel(files, weights, { frozenStorage: 'file' })).model;
      await file.close();
    }, 300_000);
    afterAll(() => model?.dispose());

    /** Logits of every position [64, vocabSize], fed in so many tokens at a time. */
    async function logitsOf(sizes: readonly number[]): Promise<Float32Array[]> {
      const rows: Float32Array[] = [];
      const cache = model.createCache(1);
      for (const size of sizes) {
        const ids = of('input_ids').data.slice(rows.length, rows.length + size);
        const tokens = tensor(ids, [1, size], 'int32');
        const { logits } = model.forward(tokens, { cache });
        const values = (await logits.data()) as Float32Array;
        for (let at = 0; at < values.length; at += model.vocabSize)
          rows.push(values.slice(at, at + model.vocabSize));
        dispose([tokens, logits]);
      }
      cache.dispose();
      return rows;
    }

    it('keeps its matrices in blocks', () => {
      const matrices = [...model.parameters.values()].filter(({ rank }) => rank > 1);
      expect(new Set(matrices.map(frozenStorageOf))).toEqual(new Set(['q4_1', 'q8_0']));
    });

    it.each(Object.entries(WAYS))('%s', async (name, sizes) => {
      const rows = await logitsOf(sizes);
      expect(rows).toHaveLength(length);
      const picked = rows.flatMap((row, at) =>
        Array.from({ length: kept }, (_, i) => row[of('ids').data[at * kept + i]!]!),
      );
      const one = maxDifference(Float32Array.from(picked), of('logits').data);
      const all = maxDifference(Float32Array.from(rows, logSumExp), of('log_sum_exp').data);
      console.log(`${name}: logits up to ${one.toExponential(1)}, their sums ${all.toExponential(1)} apart`);
      expect(one).toBeLessThan(LIMIT);
      expect(all).toBeLessThan(LIMIT);
    });
  },
);
