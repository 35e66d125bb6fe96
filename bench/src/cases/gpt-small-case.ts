import { type BenchCase, speedRatio } from './bench-case.ts';
import { TOKENS_PER_STEP } from './gpt-small.ts';
import { allThreads, THREADS_ALL } from './threads.ts';

/** The GPT for which reference figures of other libraries exist. */
export const gptSmallTrain: BenchCase = {
  name: 'gpt-small-train',
  title: 'GPT of 0.82 M parameters (4 layers, width 128, 8 × 128 tokens), one Adam step',
  unit: 'tokens/s',
  tokens: TOKENS_PER_STEP,
  entries: [
    { name: 'moect-wasm-1t', module: 'moect-gpt', env: { BENCH_THREADS: '1' } },
    { name: 'moect-wasm-all', module: 'moect-gpt', env: { BENCH_THREADS: THREADS_ALL } },
    {
      name: 'moect-wasm-1t-plain-layers',
      module: 'tfjs',
      env: { BENCH_BACKEND: 'ours', MOECT_THREADS: '1' },
    },
    {
      name: 'moect-wasm-all-plain-layers',
      module: 'tfjs',
      env: { BENCH_BACKEND: 'ours', MOECT_THREADS: THREADS_ALL },
    },
    { name: 'tfjs-wasm', module: 'tfjs', env: { BENCH_BACKEND: 'wasm' }, isSlow: true },
    { name: 'tfjs-cpu', module: 'tfjs', env: { BENCH_BACKEND: 'cpu' }, isSlow: true },
    {
      name: 'tfjs-node-all',
      module: 'tfjs',
      env: { BENCH_BACKEND: 'node', BENCH_EMBEDDING: 'gather', BENCH_THREADS: THREADS_ALL },
    },
    {
      name: 'moect-node-all',
      module: 'moect-gpt',
      env: { BENCH_BACKEND: 'node', BENCH_THREADS: THREADS_ALL },
    },
    { name: 'jax-js-wasm', module: 'jax' },
    { name: 'moect-webgpu', module: 'moect-gpt', env: { BENCH_BACKEND: 'webgpu' } },
    { name: 'jax-js-webgpu', module: 'jax', env: { BENCH_BACKEND: 'webgpu' }, isSlow: true },
    {
      name: 'tfjs-webgpu',
      module: 'tfjs',
      env: { BENCH_BACKEND: 'webgpu', BENCH_EMBEDDING: 'gather' },
      isSlow: true,
    },
    { name: 'genai-nanogpt-cpu', module: 'nanogpt', isSlow: true },
    { name: 'torch-1t', module: 'torch', env: { BENCH_MODEL: 'gpt', BENCH_THREADS: '1' } },
    { name: 'torch-all', module: 'torch', env: { BENCH_MODEL: 'gpt', BENCH_THREADS: THREADS_ALL } },
  ],
  bars: [
    speedRatio('moect-wasm-1t', 'jax-js-wasm', 2.5),
    speedRatio('moect-wasm-1t', 'torch-1t', 0.65),
    ...(allThreads > 1 ? [speedRatio('moect-wasm-all', 'moect-wasm-1t', 1.8)] : []),
    speedRatio('moect-wasm-all', 'jax-js-wasm', 4.5),
    speedRatio('moect-wasm-all', 'torch-all', 0.65),
    speedRatio('moect-wasm-1t-plain-layers', 'tfjs-wasm', 3),
    speedRatio('moect-webgpu', 'jax-js-webgpu', 1.5),
    speedRatio('moect-webgpu', 'tfjs-webgpu', 3),
    speedRatio('moect-node-all', 'tfjs-node-all', 1.3),
  ],
};
