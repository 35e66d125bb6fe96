import { ShapeMismatchError } from '@moect/core';
import { OP } from '../../generated/wasm-ops.ts';
import type { MoectWasmBackend } from '../backend.ts';

/** Runs `use` with the address of `bytes` bytes that live as long as the call. */
export function withTemporary<T>(backend: MoectWasmBackend, bytes: number, use: (pointer: number) => T): T {
  const pointer = backend.temporary(bytes);
  try {
    return use(pointer);
  } finally {
    backend.releaseTemporary(pointer, bytes);
  }
}

/** @throws ShapeMismatchError when one of `n` integers lies outside low … limit-1 */
export function checkRange(
  backend: MoectWasmBackend,
  what: string,
  pointer: number,
  n: number,
  low: number,
  limit: number,
): void {
  const { runtime } = backend;
  const at = withTemporary(backend, 4, (result) => {
    runtime.dispatch(OP.FIRST_OUTSIDE, [pointer, n, low, limit, result]);
    return runtime.i32()[result >>> 2]!;
  });
  if (at < 0) return;
  throw new ShapeMismatchError(
    `${what} (element ${at} is ${runtime.i32()[(pointer >>> 2) + at]})`,
    [n],
    `integers from ${low} to ${limit - 1}`,
  );
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
