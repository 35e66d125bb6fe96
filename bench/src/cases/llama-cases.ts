import { type Bar, type BenchCase, type Entry, memoryRatio, speedRatio, timeRatio } from './bench-case.ts';
import {
  activeExtension,
  fullTrainingFlops,
  moeTrainingFlops,
  type Placement,
  predictedShare,
} from './cost.ts';
import { GENERATION, LLAMA_30M } from './llama-30m.ts';
import { THREADS_ALL } from './threads.ts';
import type { TrainingName } from './trainings.ts';

const TOKENS = LLAMA_30M.batchSize * LLAMA_30M.sequenceLength;

const ours = (name: string, training: TrainingName, threads: string): Entry => ({
  name,
  module: 'moect-llama',
  env: { BENCH_TRAINING: training, BENCH_THREADS: threads },
});

const torch = (name: string, model: string, threads: string): Entry => ({
  name,
  module: 'torch',
  env: { BENCH_MODEL: model, BENCH_THREADS: threads },
});

const flops = fullTrainingFlops(LLAMA_30M);

const shareOfCeiling = (
  name: string,
  ceiling: 'gflopsOneThread' | 'gflopsAllThreads',
  atLeast: number,
): Bar => ({
  text: `${name}, model FLOP/s ÷ product ceiling`,
  atLeast,
  value: (results, measured) => {
    const speed = results[name]?.median;
    return speed === undefined || measured === undefined
      ? undefined
      : (speed * flops) / 1e9 / measured[ceiling];
  },
});

const train: BenchCase = {
  name: 'llama-30m-train',
  title: 'Llama of 29.5 M parameters (d 512, 8 layers, V 8,192, 4 × 256 tokens), full continual training',
  unit: 'tokens/s',
  tokens: TOKENS,
  entries: [
    ours('moect-wasm-1t', 'full-ct', '1'),
    ours('moect-wasm-all', 'full-ct', THREADS_ALL),
    torch('torch-1t', 'llama', '1'),
    torch('torch-all', 'llama', THREADS_ALL),
  ],
  modelFlops: { 'moect-wasm-1t': flops, 'moect-wasm-all': flops, 'torch-1t': flops, 'torch-all': flops },
  bars: [
    shareOfCeiling('moect-wasm-1t', 'gflopsOneThread', 0.85),
    shareOfCeiling('moect-wasm-all', 'gflopsAllThreads', 0.85),
    speedRatio('moect-wasm-1t', 'torch-1t', 0.6),
    speedRatio('moect-wasm-all', 'torch-all', 0.6),
  ],
};

const FULL_CT = 'full-ct-wasm-all';

const PLACES: Readonly<Record<Placement, string>> = {
  all: 'all layers',
  top: 'the top half',
  'top-cached': 'the top half, the layers below out of the cache',
};

/** A MoE-CT step beside our own full-CT step, in the same rotation. */
function moeCase(
  name: string,
  training: TrainingName,
  placement: Placement,
  more: { readonly entries?: readonly Entry[]; readonly bars?: readonly Bar[] } = {},
): BenchCase {
  const layers = placement === 'all' ? LLAMA_30M.numLayers : LLAMA_30M.numLayers / 2;
  const numExperts = training === 'experts-32' ? 32 : 4;
  const extension = activeExtension(LLAMA_30M, { layers, numExperts, topK: 2 });
  const predicted = predictedShare(LLAMA_30M, placement, extension);
  const own = ours('moect-wasm-all', training, THREADS_ALL);
  return {
    name,
    title: `The same Llama, MoE-CT: ${numExperts} bottleneck experts (1/8), 2 a token, in ${PLACES[placement]}`,
    unit: 'tokens/s',
    tokens: TOKENS,
    entries: [
      { ...own, env: { ...own.env, BENCH_CACHED: placement === 'top-cached' ? '1' : '0' } },
      ours(FULL_CT, 'full-ct', THREADS_ALL),
      ...(more.entries ?? []),
    ],
    modelFlops: {
      'moect-wasm-all': moeTrainingFlops(LLAMA_30M, placement, extension),
      [FULL_CT]: flops,
    },
    cost: { entry: 'moect-wasm-all', reference: FULL_CT, predicted },
    bars: [
      timeRatio('moect-wasm-all', FULL_CT, 1.2 * predicted),
      memoryRatio('moect-wasm-all', FULL_CT, 0.6),
      ...(more.bars ?? []),
    ],
  };
}

const generation: BenchCase = {
  name: 'llama-30m-generate',
  title: `The same Llama, greedy generation of ${GENERATION.newTokens} tokens after ${GENERATION.promptTokens}, batch 1`,
  unit: 'tokens/s',
  tokens: GENERATION.newTokens,
  entries: [
    { name: 'moect-wasm-1t', module: 'moect-generate', env: { BENCH_THREADS: '1' } },
    { name: 'moect-wasm-all', module: 'moect-generate', env: { BENCH_THREADS: THREADS_ALL } },
    torch('torch-1t', 'generate', '1'),
    torch('torch-all', 'generate', THREADS_ALL),
  ],
  bars: [],
};

const FOUR_EXPERTS = 'experts-4-wasm-all';

export const llamaCases: readonly BenchCase[] = [
  train,
  moeCase('llama-30m-moe-ct-all', 'moe-ct-all', 'all'),
  moeCase('llama-30m-moe-ct-top', 'moe-ct-top', 'top'),
  moeCase('llama-30m-moe-ct-top-cached', 'moe-ct-top', 'top-cached', {
    entries: [torch('torch-full-ct-all', 'llama', THREADS_ALL)],
    bars: [timeRatio('moect-wasm-all', FULL_CT, 0.45), speedRatio('moect-wasm-all', 'torch-full-ct-all', 1)],
  }),
  moeCase('llama-30m-experts-4', 'experts-4', 'all'),
  moeCase('llama-30m-experts-32', 'experts-32', 'all', {
    entries: [ours(FOUR_EXPERTS, 'experts-4', THREADS_ALL)],
    bars: [timeRatio('moect-wasm-all', FOUR_EXPERTS, 1.2)],
  }),
  generation,
];
