import type { Tensor } from '@moect/core';
import { asTf, fromTf, tf } from './tf.ts';

function isTensor(value: unknown): value is Tensor {
  return value instanceof tf.Tensor;
}

/** Every tensor inside nested arrays, records, maps and sets. */
export function tensorsIn(value: unknown): Tensor[] {
  const found: Tensor[] = [];
  const seen = new Set<object>();
  const visit = (node: unknown): void => {
    if (typeof node !== 'object' || node === null || seen.has(node)) return;
    seen.add(node);
    if (isTensor(node)) found.push(node);
    else if (node instanceof Map || node instanceof Set) for (const item of node.values()) visit(item);
    else if (!ArrayBuffer.isView(node)) for (const item of Object.values(node)) visit(item);
  };
  visit(value);
  return found;
}

/**
 * Runs `work` and disposes every tensor that it made, except those in its result
 * (arrays, records, maps and sets are searched).
 */
export function tidy<T>(work: () => T): T {
  let result!: T;
  tf.tidy(() => {
    result = work();
    return tensorsIn(result).map(asTf);
  });
  return result;
}

/** Takes a tensor out of all surrounding {@link tidy} calls; the caller disposes it. */
export function keep<T extends Tensor>(tensor: T): T {
  tf.keep(asTf(tensor));
  return tensor;
}

/** Disposes every tensor inside `value`. */
export function dispose(value: unknown): void {
  for (const tensor of tensorsIn(value)) if (!tensor.isDisposed) tensor.dispose();
}

/** Live tensors and their bytes, for leak tests. */
export function memory(): { numTensors: number; numBytes: number } {
  const { numTensors, numBytes } = tf.memory();
  return { numTensors, numBytes };
}

/** A second handle on the same values. */
export function clone(tensor: Tensor): Tensor {
  return fromTf(tf.clone(asTf(tensor)));
}
