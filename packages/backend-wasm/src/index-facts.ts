/**
 * Known facts of integers that kernels use as indices. A tensor's integers never change, so the facts hold as long as
 * it lives; kernels that make indices state their facts, so that no check has to wait for the values.
 */
export interface IndexFacts {
  /** Bounds of the values, both included. No values: low above high. */
  readonly low: number;
  readonly high: number;
  /** Each of 0 … n − 1 once. */
  readonly isPermutation: boolean;
  /** The first is `low`, the last `high`, and none is less than the one before it. */
  readonly isRising: boolean;
}

/** Facts of values that a kernel makes in low … high. */
export const between = (low: number, high: number): IndexFacts => ({
  low,
  high,
  isPermutation: false,
  isRising: false,
});

/** Facts of a permutation of 0 … n − 1. */
export const permutationOf = (n: number): IndexFacts => ({ ...between(0, n - 1), isPermutation: true });

/** Facts of values that rise from 0 to `last`. */
export const risingTo = (last: number): IndexFacts => ({ ...between(0, last), isRising: true });

/** Index of the first value out of 0 … n − 1 or met before, or −1. */
export function firstNotPermutation(values: ArrayLike<number>): number {
  const seen = new Uint8Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (!(value >= 0 && value < values.length) || seen[value] === 1) return i;
    seen[value] = 1;
  }
  return -1;
}

/** Index of the first value outside low … limit − 1, or −1. */
export function firstOutside(values: ArrayLike<number>, low: number, limit: number): number {
  for (let i = 0; i < values.length; i++) {
    if (!(values[i]! >= low && values[i]! < limit)) return i;
  }
  return -1;
}

/** Facts found by reading the values. */
export function factsOf(values: ArrayLike<number>): IndexFacts {
  let [low, high, isRising] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, true];
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (value < low) low = value;
    if (value < high) isRising = false;
    else high = value;
  }
  return { low, high, isRising, isPermutation: firstNotPermutation(values) < 0 };
}
