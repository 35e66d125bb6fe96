import type { BaseModel, ParamPath, Tensor } from '@moect/core';
import { moeCt } from '@moect/experts';
import { createModel, initParameters } from '@moect/models';
import { compressFrozen, createRng, dispose, type FrozenStorage } from '@moect/tensor';
import { type BackendName, leakedTensors, selectBackend } from '@moect/tensor/testing';
import { adamW, constant, train } from '@moect/trainer';
import { memory } from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { logitsOf, randomRows, tinyData, VOCAB_SIZE } from '../support/tiny.ts';
import { webgpuObstacle } from './adapter.ts';

const STEPS = 12;
/** Largest difference of a loss between backends, relative. */
const LOSS_TOLERANCE = 1e-4;
const title = webgpuObstacle === undefined ? '' : ` (skipped: ${webgpuObstacle})`;

type Config = Parameters<typeof createModel>[0];

const llama = (hidden: number, ffn: number, vocabSize: number): Config => ({
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  hidden_size: hidden,
  intermediate_size: ffn,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  vocab_size: vocabSize,
  max_position_embeddings: 64,
  rms_norm_eps: 1e-5,
  rope_theta: 10_000,
  initializer_range: 0.3,
  tie_word_embeddings: false,
});

/** A random base, its matrices in this storage and its norms in float32. */
async function frozenBase(config: Config, storage: FrozenStorage): Promise<BaseModel> {
  const held = new Map<ParamPath, Tensor>();
  for (const [path, weight] of initParameters(config, createRng(1))) {
    const isKept = storage === 'float32' || weight.rank < 2;
    held.set(path, isKept ? weight : await compressFrozen(weight, storage));
    if (!isKept) dispose(weight);
  }
  return createModel(config, held);
}

/** Labels of the pipelines that `work` dispatches on WebGPU. */
async function dispatchedIn(work: () => Promise<unknown>): Promise<string[]> {
  const { prototype } = (
    globalThis as unknown as { GPUComputePassEncoder: { prototype: GPUComputePassEncoder } }
  ).GPUComputePassEncoder;
  const { setPipeline } = prototype;
  const labels = new Set<string>();
  prototype.setPipeline = function (this: GPUComputePassEncoder, pipeline: GPUComputePipeline) {
    labels.add(pipeline.label);
    return setPipeline.call(this, pipeline);
  };
  try {
    await work();
  } finally {
    prototype.setPipeline = setPipeline;
  }
  return [...labels];
}

interface Run {
  readonly losses: number[];
  /** Pipelines of the steps. */
  readonly pipelines: readonly string[];
}

/** A few steps of MoE-CT. */
async function run(backend: BackendName, storage: FrozenStorage, learningRate = 1e-2): Promise<Run> {
  await selectBackend(backend);
  const losses: number[] = [];
  let pipelines: readonly string[] = [];
  const leaked = await leakedTensors(async () => {
    const base = await frozenBase(llama(16, 24, VOCAB_SIZE), storage);
    const extension = moeCt().attach(base, {}, createRng(2));
    const training = (): Promise<unknown> =>
      train({
        base,
        extension,
        data: tinyData(),
        totalSteps: STEPS,
        optimizer: adamW({ weightDecay: 0.1 }),
        schedule: constant({ learningRate, totalSteps: STEPS }),
        callbacks: [{ contract: 'callback/1', name: 'losses', onStep: ({ loss }) => void losses.push(loss) }],
      });
    pipelines = await dispatchedIn(training);
    extension.dispose();
    base.dispose();
  });
  expect(leaked).toBe(0);
  return { losses, pipelines };
}

/** Bytes of the device's buffers that a base holds after a forward pass. */
async function deviceBytes(storage: FrozenStorage): Promise<number> {
  const inUse = (): number => (memory() as unknown as { numBytesInGPU: number }).numBytesInGPU;
  const before = inUse();
  const base = await frozenBase(llama(128, 352, 1024), storage);
  await logitsOf(base, randomRows(1, 4));
  const bytes = inUse() - before;
  base.dispose();
  return bytes;
}

describe.skipIf(webgpuObstacle !== undefined)(
  `a compressed base on WebGPU${title}`,
  { timeout: 120_000 },
  () => {
    it.each(['bfloat16', 'int8'] as const)(
      '%s: has the losses of wasm, and no step widens a whole weight',
      async (storage) => {
        const { losses: expected } = await run('wasm', storage);
        const { losses: actual, pipelines } = await run('webgpu', storage);
        expect(actual).toHaveLength(STEPS);
        for (const [i, loss] of actual.entries()) {
          expect(Math.abs(loss / expected[i]! - 1), `step ${i + 1}`).toBeLessThan(LOSS_TOLERANCE);
        }
        // training lowers the loss by more than fifty times the tolerance
        const { losses: untrained } = await run('wasm', storage, 1e-9);
        expect(actual.at(-1)).toBeLessThan(untrained.at(-1)! - 0.02);
        expect(pipelines.filter((label) => label.startsWith('widen'))).toEqual([]);
        expect(pipelines.filter((label) => label.includes(storage)).length).toBeGreaterThan(2);
      },
    );

    it('takes at most 0.55 (bfloat16) and 0.3 (int8) of the memory of float32 on the device', async () => {
      await selectBackend('webgpu');
      const float32 = await deviceBytes('float32');
      const shares = [(await deviceBytes('bfloat16')) / float32, (await deviceBytes('int8')) / float32];
      console.log(
        `Weights on the device: float32 ${float32} bytes, bfloat16 ${shares[0]!.toFixed(3)} and int8 ${shares[1]!.toFixed(3)} of it.`,
      );
      expect(shares[0]).toBeLessThanOrEqual(0.55);
      expect(shares[1]).toBeLessThanOrEqual(0.3);
    });
  },
);
