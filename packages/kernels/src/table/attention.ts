import { ShapeMismatchError } from '@moect/core';
import type { Check } from '../spec.ts';

/** Limit of the kernels, which keep the panels of a whole head. */
const MAX_HEAD_DIM = 512;

function attentionFits({ kernel, dims }: Parameters<Check>[0]): void {
  const { batch, time, heads, headDim, keys, keyHeads } = dims as Record<string, number>;
  if (keys! < time! || (keyHeads === 0 ? heads! > 0 : heads! % keyHeads! !== 0)) {
    const expected = `at least ${time} keys and a divisor of ${heads} heads`;
    throw new ShapeMismatchError(`${kernel}: k`, [batch!, keys!, keyHeads!, headDim!], expected);
  }
  if (headDim! > MAX_HEAD_DIM) {
    const expected = `a head size of at most ${MAX_HEAD_DIM}`;
    throw new ShapeMismatchError(`${kernel}: q`, [batch!, time!, heads!, headDim!], expected);
  }
}

/**
 * Causal attention with grouped heads (arXiv 2305.13245) and document masks. Query t is at key keys − time + t and
 * sees keys up to there, of its own document (no negative number), at most `window` of them (0: all). Scaled scores
 * become softcap · tanh(score / softcap) before the mask (0: they stay). The backend's own gradient reads `saved`:
 * [batch, heads, time], the logarithms of the softmax sums; in the backend `node` [batch, heads, time, keys], the softmax
 * itself.
 */
export const CausalAttention = {
  name: 'MoectCausalAttention',
  inputs: {
    q: ['float32', 'batch', 'time', 'heads', 'headDim'],
    k: ['float32', 'batch', 'keys', 'keyHeads', 'headDim'],
    v: ['float32', 'batch', 'keys', 'keyHeads', 'headDim'],
    queryDocumentIds: ['int32', 'batch', 'time'],
    keyDocumentIds: ['int32', 'batch', 'keys'],
  },
  attrs: { scale: 'number', window: 'size', softcap: 'number' },
  outputs: [
    ['out', 'float32', 'batch', 'time', 'heads', 'headDim'],
    ['saved', 'float32', '…saved'],
  ],
  check: attentionFits as Check,
} as const;

export const CausalAttentionGrad = {
  name: 'MoectCausalAttentionGrad',
  inputs: {
    q: ['float32', 'batch', 'time', 'heads', 'headDim'],
    k: ['float32', 'batch', 'keys', 'keyHeads', 'headDim'],
    v: ['float32', 'batch', 'keys', 'keyHeads', 'headDim'],
    out: ['float32', 'batch', 'time', 'heads', 'headDim'],
    saved: ['float32', '…saved'],
    dout: ['float32', 'batch', 'time', 'heads', 'headDim'],
    queryDocumentIds: ['int32', 'batch', 'time'],
    keyDocumentIds: ['int32', 'batch', 'keys'],
  },
  attrs: { scale: 'number', window: 'size', softcap: 'number' },
  outputs: [
    ['dq', 'float32', 'batch', 'time', 'heads', 'headDim'],
    ['dk', 'float32', 'batch', 'keys', 'keyHeads', 'headDim'],
    ['dv', 'float32', 'batch', 'keys', 'keyHeads', 'headDim'],
  ],
  check: attentionFits as Check,
} as const;

/**
 * Rotary position embedding (arXiv 2104.09864): the halves (x₁, x₂) of each head become (x₁·cos − x₂·sin,
 * x₂·cos + x₁·sin) with the tables' rows at `positions`. `inverse` rotates back, which is the gradient.
 */
export const Rope = {
  name: 'MoectRope',
  inputs: {
    cos: ['float32', 'tableRows', 'half'],
    sin: ['float32', 'tableRows', 'half'],
    x: ['float32', 'batch', 'time', 'heads', 'headDim'],
    positions: ['int32', 'batch', 'time'],
  },
  attrs: { inverse: 'boolean' },
  outputs: [['y', 'float32', 'batch', 'time', 'heads', 'headDim']],
  where: { headDim: [2, 'half'] },
} as const;

/** Mean of each token's prefix within its document, which restarts where the document changes. */
export const CausalMean = {
  name: 'MoectCausalMean',
  inputs: { x: ['float32', 'batch', 'time', 'd'], documentIds: ['int32', 'batch', 'time'] },
  outputs: [['y', 'float32', 'batch', 'time', 'd']],
} as const;

export const CausalMeanGrad = {
  name: 'MoectCausalMeanGrad',
  inputs: { dy: ['float32', 'batch', 'time', 'd'], documentIds: ['int32', 'batch', 'time'] },
  outputs: [['dx', 'float32', 'batch', 'time', 'd']],
} as const;
