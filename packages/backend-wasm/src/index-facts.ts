/**
 * What is known of integers that kernels use as indices. The values of a tensor of integers never change, so it holds as
 * long as they live; kernels that make indices say what they are, and nobody has to wait for them to look.
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

/** Facts of an order of 0 … n − 1. */
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

/** Looks at the values. */
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
