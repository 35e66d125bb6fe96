import { gibibytes } from '../numbers.ts';
import type { StepMemory } from './probe-memory.ts';

export interface RunShape {
  readonly batchSize: number;
  readonly accumulation: number;
  readonly sequenceLength: number;
  /** A full sum of the gradients, which accumulation holds beside those of one batch. */
  readonly gradientBytes: number;
  /** Recomputation is off. */
  readonly mayRecompute: boolean;
  /** The base is in float32 and none of it trains. */
  readonly mayCompress: boolean;
}

/** The largest batch that divides the given one and fits; null if none does. */
export function largestFitting(
  { batchSize, accumulation, gradientBytes }: Pick<RunShape, 'batchSize' | 'accumulation' | 'gradientBytes'>,
  memory: StepMemory,
): number | null {
  const extra = accumulation === 1 ? gradientBytes : 0;
  for (let parts = 2; parts <= batchSize; parts++) {
    if (batchSize % parts !== 0) continue;
    if (memory.problemAt(batchSize / parts, extra) === null) return batchSize / parts;
  }
  return null;
}

/** Changes that would make a run smaller, the best first. */
export function suggestSmaller(shape: RunShape, memory: StepMemory | null): string[] {
  const { batchSize, accumulation, sequenceLength } = shape;
  const suggestions: string[] = [];
  const fitting = memory === null ? null : largestFitting(shape, memory);
  if (memory !== null && fitting !== null) {
    const batches = (batchSize / fitting) * accumulation;
    suggestions.push(
      `training.batchSize: ${fitting} with training.accumulation: ${batches} trains the same in ` +
        gibibytes(memory.at(fitting).usedBytes),
    );
  }
  if (shape.mayRecompute) suggestions.push('training.recompute: true takes more time instead, same bits');
  if (shape.mayCompress) suggestions.push('baseStorage: bfloat16 halves the frozen weights');
  if (sequenceLength > 128) {
    suggestions.push(`data.sequenceLength: ${sequenceLength >> 1} halves what a sequence takes`);
  }
  suggestions.push(
    'a method that trains less: preset lora-ct, or fewer sparse layers (method.layers: { top: 2 })',
  );
  return suggestions;
}
