import { createRequire } from 'node:module';
import path from 'node:path';
// registers the gradients, which TensorFlow.js's Node build leaves out
import { selectBackend } from '@moect/tensor';
import * as tf from '@tensorflow/tfjs-core';

type TensorFlow = typeof tf;

async function use(name: string): Promise<TensorFlow> {
  await tf.setBackend(name);
  await tf.ready();
  return tf;
}

const BACKENDS: Readonly<Record<string, () => Promise<TensorFlow>>> = {
  ours: async () => {
    await import('@moect/backend-wasm');
    return use('moect-wasm');
  },
  wasm: async () => {
    const { setWasmPaths } = await import('@tensorflow/tfjs-backend-wasm');
    const manifest = createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm/package.json');
    setWasmPaths(`${path.dirname(manifest)}/dist/`);
    return use('wasm');
  },
  cpu: async () => {
    await import('@tensorflow/tfjs-backend-cpu');
    return use('cpu');
  },
  webgpu: async () => {
    await import('@tensorflow/tfjs-backend-webgpu');
    return use('webgpu');
  },
  // stock operations only: our operations call kernels of other names
  node: async () => {
    await selectBackend('node', { threads: Number(process.env['BENCH_THREADS']) });
    return tf;
  },
};

/** TensorFlow.js on the backend that BENCH_BACKEND names: `ours`, or stock `wasm`, `cpu`, `webgpu` and `node`. */
export async function chosenTensorFlow(): Promise<TensorFlow> {
  return BACKENDS[process.env['BENCH_BACKEND'] ?? 'wasm']!();
}
