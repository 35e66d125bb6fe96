import util from 'node:util';
import type { Tensor } from '@moect/core';
import {
  adamWUpdate,
  clipScale,
  dispose,
  gelu,
  globalNorm,
  linear,
  matMul,
  memory,
  ones,
  rmsNorm,
  selectBackend,
  sum,
  tensor,
  tidy,
  topK,
  valueAndGrads,
  variable,
  zeros,
} from '@moect/tensor';
import { backend } from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { installedPackages, tensorflowObstacle } from './find-package.ts';
import { gpuObstacle } from './nvidia.ts';

const obstacle = tensorflowObstacle();
const title = obstacle === undefined ? '' : ` (skipped: ${obstacle})`;

describe.skipIf(obstacle !== undefined)(`TensorFlow's own kernels${title}`, () => {
  it('work without the two functions that Node 23 removed', async () => {
    const module = util as unknown as Record<string, unknown>;
    delete module['isArray'];
    delete module['isNullOrUndefined'];
    const info = await selectBackend('node', { threads: 1 });
    expect(info.name).toBe('node');
    expect(info.detail).toMatch(/TensorFlow \d+\.\d+\.\d+ on .*tfjs-node/);
    const isForGpu = installedPackages().some((one) => one.isForGpu && one.hasAddon);
    const why = isForGpu ? gpuObstacle() : undefined;
    if (why !== undefined)
      expect(info).toMatchObject({ device: 'cpu', detail: expect.stringContaining(why) });
    if (!isForGpu) expect(info.detail).not.toMatch(/NVIDIA|GPU/);
    // this kernel calls the removed functions
    const { values, indices } = topK(tensor([1, 5, 3], [1, 3]), 2);
    expect([...(await values.data()), ...(await indices.data())]).toEqual([5, 3, 1, 2]);
    dispose([values, indices]);
  });

  it('keep nothing of a training step inside of TensorFlow', async () => {
    const parameter = variable(ones([4, 8]));
    const moments = [variable(zeros([4, 8])), variable(zeros([4, 8]))] as const;
    const x = ones([6, 8]);
    const step = (count: number): void =>
      void tidy(() => {
        const loss = (): Tensor => sum(gelu(rmsNorm(linear(x, parameter), ones([4]), 1e-5), 'tanh'));
        const { gradients } = valueAndGrads(loss, new Map([['w', parameter]]));
        const entry = { parameter, gradient: gradients.get('w')!, expAvg: moments[0], expAvgSq: moments[1] };
        const options = { learningRate: 0.01, beta1: 0.9, beta2: 0.95, eps: 1e-8, step: count };
        adamWUpdate([{ ...entry, weightDecay: 0.1 }], clipScale(globalNorm(gradients.values()), 1), options);
      });
    const tensorflow = backend() as unknown as { getNumOfTFTensors(): number };
    step(1);
    const before = tensorflow.getNumOfTFTensors();
    for (let count = 2; count < 6; count++) step(count);
    expect(tensorflow.getNumOfTFTensors()).toBe(before);
    expect((await parameter.data()).every(Number.isFinite)).toBe(true);
    dispose([parameter, moments, x]);
  });

  it('can be left for another backend and taken again, with the tensors at hand', async () => {
    const before = memory().numTensors;
    const x = ones([2, 3]);
    await selectBackend('cpu');
    const y = matMul(x, x, { transposeB: true });
    await selectBackend('node');
    const z = matMul(y, x);
    expect([...(await z.data())]).toEqual([6, 6, 6, 6, 6, 6]);
    dispose([x, y, z]);
    expect(memory().numTensors).toBe(before);
  });
});

describe.skipIf(obstacle === undefined)("without TensorFlow's own kernels", () => {
  it('the error says what to install', async () => {
    await expect(selectBackend('node')).rejects.toThrow(/npm install @tensorflow\/tfjs-node\..*cuDNN 8\.1/);
  });
});
