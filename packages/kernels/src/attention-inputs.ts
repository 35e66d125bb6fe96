import { ShapeMismatchError } from '@moect/core';
import type { TensorInfo } from '@tensorflow/tfjs-core';
import { type KernelCall, numberAttr, type TakeInput } from './kernel-inputs.ts';

/** The kernels keep the panels of a whole head. */
const MAX_HEAD_DIM = 512;

export interface AttentionInputs {
  readonly q: TensorInfo;
  readonly k: TensorInfo;
  readonly v: TensorInfo;
  readonly queryDocumentIds: TensorInfo;
  readonly keyDocumentIds: TensorInfo;
  readonly batch: number;
  readonly time: number;
  readonly heads: number;
  readonly keys: number;
  readonly keyHeads: number;
  readonly headDim: number;
  /** 0 = unlimited */
  readonly window: number;
  readonly scale: number;
}

/** What an attention kernel was called with, checked. Throws ShapeMismatchError and RangeError. */
export function attentionInputs(kernelName: string, call: KernelCall, take: TakeInput): AttentionInputs {
  const q = take('q', 'float32', ['batch', 'time', 'heads', 'headDim']);
  const [batch, time, heads, headDim] = q.shape as [number, number, number, number];
  const k = take('k', 'float32', [batch, 'keys', 'keyHeads', headDim]);
  const v = take('v', 'float32', k.shape);
  const [, keys, keyHeads] = k.shape as [number, number, number, number];
  if (keys < time || (keyHeads === 0 ? heads > 0 : heads % keyHeads !== 0)) {
    const expected = `at least ${time} keys and a divisor of ${heads} heads`;
    throw new ShapeMismatchError(`${kernelName}: k`, k.shape, expected);
  }
  if (headDim > MAX_HEAD_DIM) {
    throw new ShapeMismatchError(`${kernelName}: q`, q.shape, `a head size of at most ${MAX_HEAD_DIM}`);
  }
  const window = numberAttr(call, 'window');
  if (!Number.isInteger(window) || window < 0) {
    throw new RangeError(`${kernelName}: window must be an integer of at least 0, not ${window}.`);
  }
  const queryDocumentIds = take('queryDocumentIds', 'int32', [batch, time]);
  const keyDocumentIds = take('keyDocumentIds', 'int32', [batch, keys]);
  const sizes = { batch, time, heads, keys, keyHeads, headDim };
  return { q, k, v, queryDocumentIds, keyDocumentIds, ...sizes, window, scale: numberAttr(call, 'scale') };
}
