import type { CheckedSettings } from '../config/schema.ts';
import type { Batches } from './choose-batches.ts';

/** How a step is cut into passes. Other shapes of the same sequences train the same (law 10), in other memory and time. */
export interface StepShape {
  /** Sequences in one pass. */
  readonly batchSize: number;
  /** Passes in one optimizer step. */
  readonly accumulation: number;
  /** Layers run again on the way back. */
  readonly recompute: boolean;
}

type TrainingSettings = Pick<CheckedSettings['training'], 'batchSize' | 'accumulation' | 'recompute'>;

/** The shape that was asked for, with one pass that keeps everything where nothing was said. */
export function shapeOf(
  { accumulation = 1, recompute = false }: TrainingSettings,
  { batchSize }: Batches,
): StepShape {
  return { batchSize, accumulation, recompute };
}

/** What may be chosen freely, because nobody asked for it. */
export function freedomOf({ batchSize, accumulation, recompute }: TrainingSettings): {
  readonly passes: boolean;
  readonly recompute: boolean;
} {
  return {
    passes: batchSize === undefined && accumulation === undefined,
    recompute: recompute === undefined,
  };
}
