import { InvalidConfigError } from '@moect/core';
import { activeBackend } from '@moect/tensor';
import type { TrainOptions } from '@moect/trainer';
import { probeMemory, suggestSmaller } from 'moect/browser';

export interface TrainingSize {
  readonly batchSize: number;
  readonly sequenceLength: number;
  readonly baseParameters: number;
  readonly trainableParameters: number;
}

const FLOAT = 4;

/**
 * Bytes that a run will hold at most: measured on few sequences, which changes nothing, and extrapolated.
 * Throws InvalidConfigError where that is more than WebAssembly or the buffers of this GPU can hold, or more than
 * `gpuMemoryBytes` on a GPU, and BackendUnavailableError where not even one sequence fits.
 */
export async function predictMemory(
  options: TrainOptions,
  size: TrainingSize,
  gpuMemoryBytes: number | null,
): Promise<number> {
  const { batchSize, sequenceLength, trainableParameters } = size;
  const limitBytes = activeBackend() === 'webgpu' ? (gpuMemoryBytes ?? undefined) : undefined;
  // the page offers these two backends, which both can be probed
  const memory = (await probeMemory(options, { batchSize, sequenceLength, limitBytes }))!;
  const message = memory.problemAt(batchSize);
  if (message === null) return memory.at(batchSize).usedBytes;
  const gradientBytes = FLOAT * trainableParameters;
  const shape = { ...size, accumulation: 1, gradientBytes, mayRecompute: false, mayCompress: false };
  throw new InvalidConfigError(
    'The run',
    [{ path: 'memory', message }],
    `What takes less: ${suggestSmaller(shape, memory).join('; ')}.`,
  );
}
