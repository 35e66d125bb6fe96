import { ShapeMismatchError } from '@moect/core';
import type { TensorInfo } from '@tensorflow/tfjs-core';
import type { Check } from '../spec.ts';

function hasVocabulary({ kernel, dims }: Parameters<Check>[0]): void {
  const { rows, vocabSize } = dims as Record<string, number>;
  if (vocabSize === 0) throw new ShapeMismatchError(`${kernel}: logits`, [rows!, 0], 'a vocabulary');
}

function hasWeights({ kernel, inputs }: Parameters<Check>[0]): void {
  const weights = inputs['weight'] as readonly TensorInfo[];
  if (weights.length === 0)
    throw new ShapeMismatchError(`${kernel}: weight0 (missing)`, [], 'at least one term');
  const [vocabSize] = weights[0]!.shape;
  const tokens = inputs['tokens'] as readonly TensorInfo[];
  for (const [i, { shape }] of weights.entries()) {
    if (shape.includes(0)) throw new ShapeMismatchError(`${kernel}: weight`, shape, 'no empty dimension');
    const listed = tokens[i]!.shape[0]!;
    const rows = i > 0 && listed > 0 ? listed : vocabSize;
    if (shape[0] === rows && (i > 0 || listed === 0)) continue;
    const expected = i === 0 ? 'all tokens in the first term' : `[${rows}, in]`;
    throw new ShapeMismatchError(`${kernel}: weight${i}`, shape, expected);
  }
}

/**
 * −log softmax(logits)[target] in nats; target −1 gives 0. The backend's own gradient reads `saved`: [rows], the
 * logarithms of the softmax sums; in the backend `node` [rows, vocabSize], softmax minus one-hot.
 */
export const CrossEntropy = {
  name: 'MoectCrossEntropy',
  inputs: { logits: ['float32', 'rows', 'vocabSize'], targets: ['int32', 'rows'] },
  outputs: [
    ['losses', 'float32', 'rows'],
    ['saved', 'float32', '…saved'],
  ],
  check: hasVocabulary as Check,
} as const;

export const CrossEntropyGrad = {
  name: 'MoectCrossEntropyGrad',
  inputs: {
    logits: ['float32', 'rows', 'vocabSize'],
    targets: ['int32', 'rows'],
    saved: ['float32', '…saved'],
    dlosses: ['float32', 'rows'],
  },
  outputs: [['dlogits', 'float32', 'rows', 'vocabSize']],
} as const;

/**
 * {@link CrossEntropy} of logits Σ input · weightᵀ over the terms, never held for all rows. A term with `tokens`, which are
 * distinct, adds to their logits only; empty `tokens` stand for the whole vocabulary, as in the first term. With
 * `withGradients`, `gradients` are those of scale · Σ losses: of inputs, then of `trainable` weights. Weights may be
 * compressed. The logits are softcap · tanh(sum / softcap); with softcap 0: the sum itself.
 */
export const LinearCrossEntropy = {
  name: 'MoectLinearCrossEntropy',
  inputs: {
    targets: ['int32', 'rows'],
    'weight*': ['float32', 'logits*', 'in*'],
    'input*': ['float32', 'rows', 'in*'],
    'tokens*': ['int32', 'listed*'],
  },
  attrs: { trainable: 'booleans*', scale: 'number', softcap: 'number', withGradients: 'boolean' },
  outputs: [
    ['losses', 'float32', 'rows'],
    ['gradients*', 'float32', '…*'],
  ],
  check: hasWeights as Check,
} as const;
