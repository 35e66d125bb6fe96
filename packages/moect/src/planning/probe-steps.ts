import {
  type BaseModel,
  type Batch,
  type BatchSource,
  type HiddenStateSource,
  type StepMetrics,
  widthAt,
} from '@moect/core';
import { createRng, tensor } from '@moect/tensor';
import { type TrainOptions, train } from '@moect/trainer';

/** The first rows of every batch. */
function narrowed(source: BatchSource, rows: number): BatchSource {
  const cut = (batch: Batch): Batch => {
    const end = rows * batch.sequenceLength;
    const { tokens, targets, positions, documentIds, languageIds, roles } = batch;
    return {
      batchSize: rows,
      sequenceLength: batch.sequenceLength,
      tokens: tokens.slice(0, end),
      targets: targets.slice(0, end),
      positions: positions.slice(0, end),
      documentIds: documentIds.slice(0, end),
      languageIds: languageIds.slice(0, end),
      roles: roles.slice(0, end),
    };
  };
  return { ...source, batch: (counter) => cut(source.batch(counter)) };
}

/** AdamW at a learning rate of 0 leaves every weight as it is, to the last bit. */
const noLearning = (): number => 0;

/** Replaces hidden states that are already on disk, as they are from the second epoch on. */
function inMemory({ hiddenSize }: BaseModel, source: HiddenStateSource): HiddenStateSource {
  const { contract, layer, at, dtype } = source;
  const width = widthAt(source, hiddenSize);
  return {
    contract,
    layer,
    at,
    dtype,
    async hiddenStates({ batchSize, sequenceLength }) {
      const shape = [batchSize, sequenceLength, width];
      return tensor(createRng(0).normal(batchSize * sequenceLength * width), shape);
    },
  };
}

export interface ProbeSize {
  /** Sequences taken from each batch. */
  readonly rows: number;
  /** Batches in a step. */
  readonly batches: number;
}

/**
 * Runs steps of a run that change nothing, and gives the milliseconds of each.
 * @param isEnough asked after each step
 */
export async function runProbeSteps(
  options: TrainOptions,
  { rows, batches }: ProbeSize,
  isEnough: (times: readonly number[]) => boolean,
): Promise<number[]> {
  const { base, extension, data, optimizer, maxGradNorm = 1, recompute = false } = options;
  const { hiddenStates, sampledSoftmax } = options;
  const times: number[] = [];
  const onStep = ({ tokens, tokensPerSecond }: StepMetrics): 'stop' | undefined => {
    times.push((1000 * tokens) / tokensPerSecond);
    return isEnough(times) ? 'stop' : undefined;
  };
  await train({
    base,
    extension,
    data: narrowed(data, rows),
    optimizer,
    maxGradNorm,
    recompute,
    ...(hiddenStates && { hiddenStates: inMemory(base, hiddenStates) }),
    ...(sampledSoftmax && { sampledSoftmax }),
    gradientAccumulation: batches,
    totalSteps: Number.MAX_SAFE_INTEGER,
    schedule: noLearning,
    callbacks: [{ contract: 'callback/1', name: 'probe', onStep }],
  });
  return times;
}
