import { InvalidConfigError } from '@moect/core';
import { activeBackend } from '@moect/tensor';
import { wasmHeapStatistics } from '@moect/tensor/wasm';
import type { TrainOptions } from '@moect/trainer';
import { gibibytes, probeHeap, suggestSmaller } from 'moect/browser';

export interface TrainingSize {
  readonly batchSize: number;
  readonly sequenceLength: number;
  readonly baseParameters: number;
  readonly trainableParameters: number;
}

const FLOAT = 4;

/** A run that does not fit. */
function refuse(message: string, suggestions: readonly string[]): never {
  throw new InvalidConfigError(
    'The run',
    [{ path: 'memory', message }],
    `What takes less: ${suggestions.join('; ')}.`,
  );
}

/** Measured on few sequences, which changes nothing, and extrapolated. */
async function onWasm(options: TrainOptions, size: TrainingSize): Promise<number> {
  const heapAt = await probeHeap(options, size.sequenceLength, size.batchSize);
  const { usedBytes } = heapAt!(size.batchSize);
  const { limitBytes } = wasmHeapStatistics()!;
  if (usedBytes <= limitBytes) return usedBytes;
  const gradientBytes = FLOAT * size.trainableParameters;
  const shape = { ...size, accumulation: 1, gradientBytes, mayRecompute: false, mayCompress: false };
  return refuse(
    `a step takes ${gibibytes(usedBytes)}, and WebAssembly reaches ${gibibytes(limitBytes)}`,
    suggestSmaller(shape, heapAt, limitBytes),
  );
}

/** Config numbers of the Llama family that decide about the size of what a step computes. */
function numbersOf({ base }: TrainOptions): { heads: number; intermediate: number } {
  const { num_attention_heads: heads, intermediate_size: intermediate } = base.config;
  return { heads: Number(heads), intermediate: Number(intermediate) };
}

/**
 * From sizes: weights, gradients and both moments of the optimizer, and what layers and logits keep for the way back. A
 * GPU does not say how much memory it has, but how large one buffer may be.
 */
async function onWebgpu(options: TrainOptions, size: TrainingSize): Promise<number> {
  const { hiddenSize, numLayers, vocabSize } = options.base;
  const { heads, intermediate } = numbersOf(options);
  const tokens = size.batchSize * size.sequenceLength;
  const attention = heads * tokens * size.sequenceLength;
  const logits = tokens * vocabSize;
  // per layer: streams, attention's scores and weights, the base's network and two experts'
  const layer = 24 * tokens * hiddenSize + 2 * attention + 9 * tokens * intermediate;
  const values = size.baseParameters + 4 * size.trainableParameters + numLayers * layer + 3 * logits;
  const largest = FLOAT * Math.max(vocabSize * hiddenSize, attention, logits, tokens * intermediate);
  const adapter = await navigator.gpu.requestAdapter({ powerPreference: 'high-performance' });
  const limit = adapter!.limits.maxStorageBufferBindingSize;
  if (largest <= limit) return FLOAT * values;
  return refuse(
    `the largest buffer of a step takes ${gibibytes(largest)}, and this GPU binds ${gibibytes(limit)} at most`,
    ['fewer sequences a step', 'shorter sequences'],
  );
}

/**
 * Bytes that a run will hold at most, on the backend in use.
 * Throws InvalidConfigError where that is more than there can be, and BackendUnavailableError where not even one
 * sequence fits.
 */
export function predictMemory(options: TrainOptions, size: TrainingSize): Promise<number> {
  return activeBackend() === 'moect-wasm' ? onWasm(options, size) : onWebgpu(options, size);
}
