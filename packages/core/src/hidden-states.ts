import type { Batch } from './data.ts';
import type { Tensor } from './tensor.ts';

/** Sequences on the host as a base reads them, row-major. A {@link Batch} is one. */
export type SequenceBatch = Pick<Batch, 'batchSize' | 'sequenceLength' | 'tokens' | 'documentIds'> & {
  /** Default: 0 … sequenceLength − 1 in each row. */
  readonly positions?: Int32Array;
};

/** Gives the hidden states with which a pass begins, in place of running the frozen layers (method.md §3 f). */
export interface HiddenStateSource {
  readonly contract: 'hidden-states/1';
  /** The layer that they enter. */
  readonly layer: number;
  /** What they are rounded to, the first time as every other. */
  readonly dtype: 'bf16';
  /** [batchSize, sequenceLength, hiddenSize] float32; padding at the end of a row is 0. The caller disposes it. */
  hiddenStates(batch: SequenceBatch): Promise<Tensor>;
}
