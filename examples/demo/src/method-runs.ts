import type { Settings } from '@moect/core';

/** One method of the comparison. `npm run tune` compares learning rates on the development articles. */
export interface MethodRun {
  readonly name: string;
  /** Preset of the package `moect`. */
  readonly preset: string;
  /** The best rate tried on the development articles (`docs/decisions/2026-11-25-demo-learning-rates.md`). */
  readonly learningRate: number;
  /** Settings on top of the preset. */
  readonly config: Settings;
  /** Gate threshold at inference; null: none. */
  readonly gateThreshold: number | null;
  readonly combine: 'gate' | 'mixture';
  /** Trains matrices of the base, which are then kept as float32. */
  readonly trainsBase: boolean;
}

const plain = { config: {}, gateThreshold: null, combine: 'gate', trainsBase: false } as const;

export const METHOD_RUNS: readonly MethodRun[] = [
  { ...plain, name: 'ct', preset: 'ct', learningRate: 6e-3, trainsBase: true },
  { ...plain, name: 'ct-replay', preset: 'ct-replay', learningRate: 6e-3, trainsBase: true },
  { ...plain, name: 'lora-ct', preset: 'lora-ct', learningRate: 2e-2 },
  { ...plain, name: 'moe-ct-paper', preset: 'moe-ct-paper', learningRate: 6e-3 },
  { ...plain, name: 'moe-ct', preset: 'moe-ct', learningRate: 6e-3, gateThreshold: 0.2 },
  {
    ...plain,
    name: 'moe-ct-mixture',
    preset: 'moe-ct-mixture',
    learningRate: 6e-3,
    // with a small tied vocabulary, an embedding of the pack's own costs as much as a head delta and gains more
    config: { headDelta: null, unfreeze: ['model.embed_tokens.weight'] },
    combine: 'mixture',
    trainsBase: true,
  },
];

/** Optimizer steps of 16 sequences of 128 tokens. */
export const TRAINING = { tokens: 120_000, batchSize: 16, sequenceLength: 128, basePrior: 0.5 } as const;
