import { ShapeMismatchError } from '@moect/core';
import type { Check } from '../spec.ts';

function hasSlots({ kernel, dims }: Parameters<Check>[0]): void {
  const { tokens, topK } = dims as Record<string, number>;
  if (topK === 0) throw new ShapeMismatchError(`${kernel}: weights`, [tokens!, 0], 'topK of at least 1');
}

/** Rows of a table, which may be compressed: y[i] = table[ids[i]]. */
export const Embedding = {
  name: 'MoectEmbedding',
  inputs: { table: ['float32', 'tableRows', 'd'], ids: ['int32', '…'] },
  outputs: [['y', 'float32', '…', 'd']],
} as const;

/** Adds up the rows of repeated ids in their order. */
export const EmbeddingGrad = {
  name: 'MoectEmbeddingGrad',
  inputs: { ids: ['int32', '…'], dy: ['float32', '…', 'd'] },
  attrs: { vocabSize: 'size' },
  outputs: [['dtable', 'float32', 'vocabSize', 'd']],
} as const;

/** dx[n] = Σ dy[inverse[slot]] over the slots of token n: the gradient of gathering the rows of slots. */
export const SlotRowsGrad = {
  name: 'MoectSlotRowsGrad',
  inputs: { dy: ['float32', 'slots', 'd'], inverse: ['int32', 'slots'] },
  attrs: { topK: 'size' },
  outputs: [['dx', 'float32', 'tokens', 'd']],
  where: { slots: ['tokens', 'topK'] },
} as const;

/** y[n] = Σ_j weights[n, j] · rows[inverse[n · topK + j]] */
export const CombineRows = {
  name: 'MoectCombineRows',
  inputs: {
    weights: ['float32', 'tokens', 'topK'],
    rows: ['float32', 'slots', 'd'],
    inverse: ['int32', 'slots'],
  },
  outputs: [['y', 'float32', 'tokens', 'd']],
  where: { slots: ['tokens', 'topK'] },
  check: hasSlots as Check,
} as const;

/** `inverse` is a permutation: every row has its gradient from one slot. */
export const CombineRowsGrad = {
  name: 'MoectCombineRowsGrad',
  inputs: {
    weights: ['float32', 'tokens', 'topK'],
    rows: ['float32', 'slots', 'd'],
    inverse: ['int32', 'slots'],
    dy: ['float32', 'tokens', 'd'],
  },
  outputs: [
    ['drows', 'float32', 'slots', 'd'],
    ['dweights', 'float32', 'tokens', 'topK'],
  ],
  where: { slots: ['tokens', 'topK'] },
} as const;

/**
 * dweights[n, j] = x[r] · back[r] with r = inverse[n · topK + j]. Multiplies `back[r]` and `dy[r]` by weights[n, j] in
 * place: nothing else may share their values.
 */
export const WeightedRowsGrad = {
  name: 'MoectWeightedRowsGrad',
  inputs: {
    weights: ['float32', 'tokens', 'topK'],
    x: ['float32', 'slots', 'd'],
    back: ['float32', 'slots', 'd'],
    dy: ['float32', 'slots', 'width'],
    inverse: ['int32', 'slots'],
  },
  outputs: [['dweights', 'float32', 'tokens', 'topK']],
  where: { slots: ['tokens', 'topK'] },
} as const;

/**
 * Groups the slots token · topK + j by expert, stably (dropless, arXiv 2211.15841). Expert e owns the sorted rows
 * offsets[e] … offsets[e + 1] − 1; `order` has the slot of each sorted row, `inverse` the row of each slot, `tokens` the
 * token of each row.
 */
export const SortByExpert = {
  name: 'MoectSortByExpert',
  inputs: { expertIndices: ['int32', 'tokens', 'topK'] },
  attrs: { numExperts: 'size' },
  outputs: [
    ['order', 'int32', 'slots'],
    ['inverse', 'int32', 'slots'],
    ['offsets', 'int32', 'numExperts+1'],
    ['tokens', 'int32', 'slots'],
  ],
  where: { slots: ['tokens', 'topK'] },
} as const;
