import { ShapeMismatchError } from '@moect/core';
import type { TensorInfo } from '@tensorflow/tfjs-core';
import type { MoectWasmBackend } from '../backend.ts';
import { OP } from '../generated/wasm-ops.ts';
import { firstNotPermutation, firstOutside } from '../index-facts.ts';

/** Runs `use` with the address of `bytes` bytes that live as long as the call. */
export function withTemporary<T>(backend: MoectWasmBackend, bytes: number, use: (pointer: number) => T): T {
  const pointer = backend.temporary(bytes);
  try {
    return use(pointer);
  } finally {
    backend.releaseTemporary(pointer, bytes);
  }
}

/** @throws ShapeMismatchError when one of the integers lies outside low … limit-1 */
export function checkRange(
  backend: MoectWasmBackend,
  what: string,
  info: TensorInfo,
  low: number,
  limit: number,
): void {
  const facts = backend.indexFacts(info);
  if (facts.low >= low && facts.high < limit) return;
  const values = backend.values(info);
  const at = firstOutside(values, low, limit);
  // facts of a kernel may be wider than its values
  if (at >= 0) throw mismatch(what, values, at, `integers from ${low} to ${limit - 1}`);
}

/** @throws ShapeMismatchError unless each of 0 … n − 1 is among the n integers */
export function checkPermutation(backend: MoectWasmBackend, what: string, info: TensorInfo): void {
  if (backend.indexFacts(info).isPermutation) return;
  const values = backend.values(info);
  const at = firstNotPermutation(values);
  if (at >= 0) throw mismatch(what, values, at, `a permutation of 0 to ${values.length - 1}`);
}

function mismatch(what: string, values: ArrayLike<number>, at: number, expected: string): ShapeMismatchError {
  return new ShapeMismatchError(`${what} (element ${at} is ${values[at]})`, [values.length], expected);
}

/** Stable counting sort of `n` keys in 0 … limit-1, which must have been checked. */
export function sortKeys(
  backend: MoectWasmBackend,
  keys: number,
  n: number,
  limit: number,
  order: number,
  starts: number,
): void {
  backend.runtime.dispatch(OP.SORT_BY_KEY, [keys, n, limit, order, starts]);
}
