import type { ParamPath, Tensor } from '@moect/core';
import { loraCt } from '@moect/experts';
import { createModel, parameterShapes } from '@moect/models';
import { createRng, frozenFromBlocks, ones, selectBackend } from '@moect/tensor';
import { adamW, constant, train } from '@moect/trainer';
import { memory } from '@tensorflow/tfjs-core';
import { randomBlocks } from 'moect-test-support/random-blocks';
import { expect, it } from 'vitest';
import { tinyData } from '../support/tiny.ts';

/** The shape of TinyLlama. */
const CONFIG = {
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  hidden_size: 2048,
  intermediate_size: 5632,
  num_hidden_layers: 22,
  num_attention_heads: 32,
  num_key_value_heads: 4,
  vocab_size: 32000,
  max_position_embeddings: 2048,
  rms_norm_eps: 1e-5,
  rope_theta: 10_000,
  tie_word_embeddings: false,
};

it('a base of 1.1 billion weights in Q4_K trains three steps within 1.5 GiB of wasm memory', {
  timeout: 900_000,
}, async () => {
  await selectBackend('wasm');
  const held = new Map<ParamPath, Tensor>();
  let count = 0;
  for (const [path, shape] of parameterShapes(CONFIG)) {
    const [rows, columns] = shape as [number, number?];
    count += rows * (columns ?? 1);
    const isMatrix = columns !== undefined;
    held.set(path, isMatrix ? frozenFromBlocks(randomBlocks('q4_k', rows, columns, held.size)) : ones(shape));
  }
  expect(count).toBe(1_100_048_384);
  const base = createModel(CONFIG, held);
  const extension = loraCt().attach(base, { rank: 8 }, createRng(2));
  const losses: number[] = [];
  await train({
    base,
    extension,
    data: tinyData(),
    totalSteps: 3,
    optimizer: adamW({}),
    schedule: constant({ learningRate: 1e-3, totalSteps: 3 }),
    callbacks: [{ contract: 'callback/1', name: 'losses', onStep: ({ loss }) => void losses.push(loss) }],
  });
  expect(losses).toHaveLength(3);
  expect(losses.every(Number.isFinite)).toBe(true);
  const { heapBytes } = memory() as unknown as { heapBytes: number };
  expect(heapBytes).toBeLessThan(1.5 * 2 ** 30);
  extension.dispose();
  base.dispose();
});
