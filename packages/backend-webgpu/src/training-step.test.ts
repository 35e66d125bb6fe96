import type { ParamMap, Tensor, Variable } from '@moect/core';
import * as ops from '@moect/tensor';
import { type BackendName, leakedTensors, selectBackend } from '@moect/tensor/testing';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { noAdapter, skipNote } from './test-support.ts';

const [batch, time, heads, width, vocabSize] = [2, 8, 2, 16, 32];
const rows = batch * time;

function shapesOf(layers: number): Record<string, number[]> {
  const shapes: Record<string, number[]> = { wte: [vocabSize, width], wpe: [time, width], last: [width] };
  for (let i = 0; i < layers; i++) {
    shapes[`norm1.${i}`] = [width];
    shapes[`qkv.${i}`] = [width, 3 * width];
    shapes[`out.${i}`] = [width, width];
    shapes[`norm2.${i}`] = [width];
    shapes[`up.${i}`] = [width, 4 * width];
    shapes[`down.${i}`] = [4 * width, width];
  }
  return shapes;
}

/** A GPT in the operations of this package; the head is the embedding. */
function loss(weights: ParamMap, ids: Tensor, targets: Tensor, documents: Tensor): Tensor {
  const at = (name: string): Tensor => weights.get(name)!;
  const noBias = ops.zeros([width]);
  const norm = (x: Tensor, name: string): Tensor => ops.layerNorm(x, at(name), noBias, 1e-5);
  let x = ops.reshape(ops.add(ops.embedding(at('wte'), ids), at('wpe')), [rows, width]);
  for (let i = 0; weights.has(`qkv.${i}`); i++) {
    const parts = ops.split(ops.matMul(norm(x, `norm1.${i}`), at(`qkv.${i}`)), [width, width, width]);
    const [q, k, v] = parts.map((part) => ops.reshape(part, [batch, time, heads, width / heads]));
    const masks = { queryDocumentIds: documents, keyDocumentIds: documents };
    const attended = ops.causalAttention(q!, k!, v!, { scale: 0.35, ...masks });
    x = ops.add(x, ops.matMul(ops.reshape(attended, [rows, width]), at(`out.${i}`)));
    const hidden = ops.gelu(ops.matMul(norm(x, `norm2.${i}`), at(`up.${i}`)), 'tanh');
    x = ops.add(x, ops.matMul(hidden, at(`down.${i}`)));
  }
  const terms = [{ input: norm(x, 'last'), weight: at('wte'), trainable: true }];
  return ops.linearCrossEntropy(terms, targets, 1 / rows).loss;
}

/** Runs steps with clipping; returns the losses. */
async function train(layers: number, steps: number, afterStep: () => void = () => {}): Promise<number[]> {
  const rng = ops.createRng(1);
  const weights = new Map<string, Variable>();
  const moments = new Map<string, Variable[]>();
  for (const [name, shape] of Object.entries(shapesOf(layers))) {
    const start = ops.randomNormal(rng, shape, shape.length === 1 ? 0.1 : 0.2, shape.length === 1 ? 1 : 0);
    weights.set(name, ops.variable(start));
    const zero = ops.zeros(shape);
    moments.set(name, [ops.variable(zero), ops.variable(zero)]);
    ops.dispose([start, zero]);
  }
  const ids = ops.tensor(rng.integers(rows, vocabSize), [batch, time], 'int32');
  const targets = ops.tensor(rng.integers(rows, vocabSize), [rows], 'int32');
  const documents = ops.tensor(new Int32Array(rows), [batch, time], 'int32');
  const losses: number[] = [];
  for (let step = 1; step <= steps; step++) {
    const value = ops.tidy(() => {
      const { value, gradients } = ops.valueAndGrads(() => loss(weights, ids, targets, documents), weights);
      const entries = [...gradients].map(([name, gradient]) => {
        const [expAvg, expAvgSq] = moments.get(name)!;
        return {
          parameter: weights.get(name)!,
          gradient,
          expAvg: expAvg!,
          expAvgSq: expAvgSq!,
          weightDecay: 0.1,
        };
      });
      const scale = ops.clipScale(ops.globalNorm(gradients.values()), 1);
      ops.adamWUpdate(entries, scale, { learningRate: 0.01, beta1: 0.9, beta2: 0.95, eps: 1e-8, step });
      return value;
    });
    losses.push((await value.data())[0]!);
    value.dispose();
    afterStep();
  }
  ops.dispose([weights, moments, ids, targets, documents]);
  return losses;
}

/** Calls back for each dispatch while `work` runs. */
async function onDispatch(seen: () => void, work: () => Promise<void>): Promise<void> {
  const { prototype } = (
    globalThis as unknown as { GPUComputePassEncoder: { prototype: GPUComputePassEncoder } }
  ).GPUComputePassEncoder;
  const { dispatchWorkgroups } = prototype;
  prototype.dispatchWorkgroups = function (
    this: GPUComputePassEncoder,
    ...sizes: [number, number?, number?]
  ) {
    seen();
    return dispatchWorkgroups.apply(this, sizes);
  };
  try {
    await work();
  } finally {
    prototype.dispatchWorkgroups = dispatchWorkgroups;
  }
}

const gpuBytes = (): number =>
  (tf.memory() as unknown as { numBytesAllocatedInGPU: number }).numBytesAllocatedInGPU;

async function lossesOn(backend: BackendName, steps: number): Promise<number[]> {
  await selectBackend(backend);
  return train(2, steps);
}

describe.skipIf(noAdapter)(`training on WebGPU${skipNote}`, () => {
  it('has the losses of wasm', async () => {
    const expected = await lossesOn('wasm', 20);
    const losses = await lossesOn('webgpu', 20);
    expect(expected.at(-1)).toBeLessThan(expected[0]! - 1);
    for (const [i, value] of losses.entries()) {
      expect(Math.abs(value / expected[i]! - 1), `step ${i + 1}`).toBeLessThan(1e-4);
    }
  });

  it('takes at most 120 dispatches a step with two layers', async () => {
    await selectBackend('webgpu');
    let count = 0;
    const counts: number[] = [];
    await onDispatch(
      () => void count++,
      async () =>
        void (await train(2, 3, () => {
          counts.push(count);
          count = 0;
        })),
    );

    expect(counts[1]).toBeGreaterThan(40);
    expect(Math.max(...counts.slice(1))).toBeLessThanOrEqual(120);
  });

  it('keeps its memory constant over 1,000 steps', { timeout: 240_000 }, async () => {
    await selectBackend('webgpu');
    const bytes: number[] = [];
    const leaked = await leakedTensors(async () => void (await train(1, 1000, () => bytes.push(gpuBytes()))));
    expect(leaked).toBe(0);
    // buffers are pooled by size: after a few steps every size is in the pool
    expect(Math.max(...bytes.slice(10))).toBe(bytes[10]);
  });
});
