import type { StartPoint } from './base-model.ts';
import type { Batch } from './data.ts';
import type { Tensor } from './tensor.ts';

/** Sequences on the host as a base reads them, row-major. A {@link Batch} is one. */
export type SequenceBatch = Pick<Batch, 'batchSize' | 'sequenceLength' | 'tokens' | 'documentIds'> & {
  /** Default: 0 … sequenceLength − 1 in each row. */
  readonly positions?: Int32Array;
};

/** Gives hidden states to begin a pass with, so that the frozen layers need not run (docs/method.md §6). */
export interface HiddenStateSource extends StartPoint {
  readonly contract: 'hidden-states/1';
  /** Type that the states are rounded to, also on their first use. */
  readonly dtype: 'bf16';
  /** See `LayerInput.hidden`; padding at the end of a row is 0. The caller disposes it. */
  hiddenStates(batch: SequenceBatch): Promise<Tensor>;
}

/** Whether a pass meets `point` later than `other`. */
export function isAbove(point: StartPoint, other: StartPoint): boolean {
  if (point.layer !== other.layer) return point.layer > other.layer;
  return point.at === 'ffn' && other.at === 'block';
}

/** Values of one token at a point: `ffn` has two vectors. */
export function widthAt({ at }: Pick<StartPoint, 'at'>, hiddenSize: number): number {
  return at === 'ffn' ? 2 * hiddenSize : hiddenSize;
}

/** A point in words, for messages: `layer 3`, `the FFN of layer 3`. */
export function nameOf({ layer, at }: StartPoint): string {
  return at === 'ffn' ? `the FFN of layer ${layer}` : `layer ${layer}`;
}
