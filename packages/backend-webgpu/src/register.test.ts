import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { BackendUnavailableError } from '@moect/core';
import { add, dispose, matMul, ones, tensor } from '@moect/tensor';
import { leakedTensors, selectBackend } from '@moect/tensor/testing';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import type { MoectWebgpuBackend } from './backend.ts';
import { isSoftwareAdapter, registerWebgpuBackend } from './index.ts';
import { noAdapter, skipNote } from './test-support.ts';

const run = promisify(execFile);
const backend = (): MoectWebgpuBackend => tf.backend() as MoectWebgpuBackend;

describe('adapters that compute on the CPU', () => {
  it.each([
    [{ vendor: 'mesa', architecture: 'software', device: 'llvmpipe-llvm-15-0-6-256-bits-' }, true],
    [{ vendor: 'google', architecture: 'swiftshader' }, true],
    [{ vendor: 'microsoft', description: 'Microsoft Basic Render Driver' }, true],
    [{ isFallbackAdapter: true }, true],
    [{ vendor: 'nvidia', architecture: 'hopper', description: 'NVIDIA H200' }, false],
    [{ vendor: 'apple', architecture: 'metal-3' }, false],
    [{ vendor: 'google', description: 'Warpdrive 9' }, false],
  ])('%j: %s', (info, expected) => {
    expect(isSoftwareAdapter(info)).toBe(expected);
  });
});

describe.skipIf(noAdapter)(`the WebGPU backend${skipNote}`, () => {
  beforeAll(async () => {
    await selectBackend('webgpu');
  });

  it('computes, says where, and leaks nothing', async () => {
    const info = await selectBackend('webgpu');
    expect(info.name).toBe('webgpu');
    expect(info.detail).toMatch(/^WebGPU, /);
    const leaked = await leakedTensors(async () => {
      const a = tensor([1, 2, 3, 4], [2, 2]);
      const b = matMul(a, a);
      expect([...(await b.data())]).toEqual([7, 10, 15, 22]);
      dispose([a, b]);
    });
    expect(leaked).toBe(0);
  });

  it('asks for the features and limits that the adapter has', async () => {
    const adapter = (await globalThis.navigator.gpu.requestAdapter())!;
    const { device } = backend();
    expect(device.limits.maxStorageBufferBindingSize).toBe(adapter.limits.maxStorageBufferBindingSize);
    expect(device.limits.maxStorageBuffersPerShaderStage).toBe(
      adapter.limits.maxStorageBuffersPerShaderStage,
    );
    for (const feature of ['shader-f16', 'subgroups', 'timestamp-query']) {
      expect(device.features.has(feature), feature).toBe(adapter.features.has(feature));
    }
  });

  it('reads values anew after the buffer has changed', async () => {
    const x = ones([2]);
    expect([...(await add(x, x).data())]).toEqual([2, 2]);
    const y = add(x, 0);
    await y.data();
    const { resource } = backend().tensorMap.get((y as unknown as tf.Tensor).dataId);
    backend().queue.writeBuffer(resource as GPUBuffer, 0, new Float32Array([5, 6]));
    expect([...(await y.data())]).toEqual([5, 6]);
  });

  it('gives the values of a tensor that is disposed while they are read', async () => {
    const x = ones([2]);
    const before = tf.memory();
    const y = add(x, x);
    const reading = [y.data(), y.data()];
    y.dispose();
    const other = add(x, x);
    expect((await Promise.all(reading)).map((values) => [...values])).toEqual([
      [2, 2],
      [2, 2],
    ]);
    other.dispose();
    await x.data();
    const { numTensors, numDataBuffers } = before;
    expect(tf.memory()).toMatchObject({ numTensors, numDataBuffers });
    x.dispose();
  });

  it('reads nothing synchronously, and says what to do', async () => {
    const x = ones([2]);
    const y = add(x, x);
    expect(() => (y as unknown as tf.Tensor).dataSync()).toThrow(/await tensor\.data\(\)/);
    dispose([x, y]);
  });

  it('shows an error of the device at the next read, and at each after that', async () => {
    const x = ones([2]);
    const { device } = backend();
    device.createBuffer({ size: 4, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.STORAGE });
    await expect(add(x, x).data()).rejects.toThrow(BackendUnavailableError);
    await expect(add(x, x).data()).rejects.toThrow(/device reports: .*usage/is);
    await selectBackend('webgpu');
    expect(backend().device).not.toBe(device);
    const y = ones([2]);
    expect([...(await add(y, y).data())]).toEqual([2, 2]);
  });

  it('a lost device is an error that says how to go on, and the next start has a new one', async () => {
    const x = ones([2]);
    const y = add(x, x);
    const { device } = backend();
    device.destroy();
    await device.lost;
    await expect(y.data()).rejects.toThrow(/device was lost .* last checkpoint is intact/s);
    dispose([x, y]);
    expect((await registerWebgpuBackend()).name).toBe('webgpu');
    await selectBackend('webgpu');
    expect(backend().device).not.toBe(device);
    const z = ones([3]);
    expect([...(await add(z, z).data())]).toEqual([2, 2, 2]);
  });
});

/** Runs a program, by default `selectBackend('webgpu')`, in a process of its own; gives the message of its error. */
async function selectElsewhere(flags: string[], env: Record<string, string>, then = ''): Promise<string> {
  const program = `
    const { selectBackend } = await import('@moect/tensor');
    await selectBackend('webgpu').catch((error) => console.log(error.name + ': ' + error.message));
    ${then}`;
  const options = [
    '--conditions=@moect/source',
    '--import',
    'tsx',
    ...flags,
    '--input-type=module',
    '-e',
    program,
  ];
  const { stdout } = await run(process.execPath, options, {
    cwd: import.meta.dirname,
    env: { ...process.env, ...env },
  });
  return stdout;
}

/** A loader that finds no package of this name. */
function without(name: string): string[] {
  const hooks = `export function resolve(specifier, context, next) {
    if (specifier === ${JSON.stringify(name)}) throw new Error('Cannot find package');
    return next(specifier, context);
  }`;
  const url = JSON.stringify(`data:text/javascript,${encodeURIComponent(hooks)}`);
  const start = `import { register } from 'node:module'; register(${url});`;
  return ['--import', `data:text/javascript,${encodeURIComponent(start)}`];
}

describe.skipIf(noAdapter)(`products in the form that MOECT_WEBGPU_PRODUCTS names${skipNote}`, () => {
  const show = `
    const { registerWebgpuBackend } = await import('@moect/backend-webgpu');
    console.log(JSON.stringify((await registerWebgpuBackend()).products));`;

  it.for([
    ['tiles', { float32: 'tiles', frozen: 'tiles' }],
    ['float16', { float32: 'tiles', frozen: 'float16' }],
  ] as const)('%s', async ([form, expected], { skip }) => {
    const { features } = await registerWebgpuBackend();
    skip(form === 'float16' && !features.includes('shader-f16'), 'no float16');
    const printed = await selectElsewhere([], { MOECT_WEBGPU_PRODUCTS: form }, show);
    expect(JSON.parse(printed)).toEqual(expected);
  });

  it('and no other', async () => {
    const message = await selectElsewhere([], { MOECT_WEBGPU_PRODUCTS: 'fast' });
    expect(message).toMatch(/InvalidConfigError: .*MOECT_WEBGPU_PRODUCTS.*tiles, float16, subgroups/s);
  });
});

describe('where WebGPU is not', () => {
  it('no driver: says so, and what to install', async () => {
    const nowhere = { VK_DRIVER_FILES: '/nonexistent.json', VK_ICD_FILENAMES: '/nonexistent.json' };
    const message = await selectElsewhere([], nowhere);
    expect(message).toMatch(/BackendUnavailableError: .*no adapter.* driver/s);
  });

  it.each(['webgpu', '@tensorflow/tfjs-backend-webgpu'])(
    'no package %s: gives the line that installs it',
    async (name) => {
      const message = await selectElsewhere(without(name), {});
      expect(message).toMatch(/BackendUnavailableError: .*npm install .*tfjs-backend-webgpu/s);
    },
  );
});
