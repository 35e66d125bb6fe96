import util from 'node:util';
import { describe, expect, it } from 'vitest';
import { dispose, matMul, memory, ones, selectBackend, tensor, topK } from '../index.ts';
import { tensorflowObstacle } from './find-package.ts';

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
    // the kernel that calls them
    const { values, indices } = topK(tensor([1, 5, 3], [1, 3]), 2);
    expect([...(await values.data()), ...(await indices.data())]).toEqual([5, 3, 1, 2]);
    dispose([values, indices]);
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
