import { hashNumbers } from '../hashing/mix.ts';

const rounds = 6;

/** One pass of a balanced Feistel network over 2·halfBits bits: a bijection, whatever the round function. */
function feistel(value: number, halfBits: number, seed: number): number {
  const mask = 2 ** halfBits - 1;
  let left = Math.floor(value / 2 ** halfBits);
  let right = value % 2 ** halfBits;
  for (let round = 0; round < rounds; round++) {
    [left, right] = [right, (left ^ (hashNumbers(seed, round, right) & mask)) >>> 0];
  }
  return left * 2 ** halfBits + right;
}

/**
 * Place `index` of a seeded permutation of 0 … size − 1, without a table: a Feistel network on the next power of
 * four, walked until it lands inside (Black and Rogaway 2002). So any place of any epoch is known at once.
 * @param index 0 to size − 1
 * @param size 1 to 2^52
 */
export function permutedIndex(index: number, size: number, seed: number): number {
  if (size === 1) return 0;
  const halfBits = Math.ceil(Math.log2(size) / 2);
  let value = index;
  do value = feistel(value, halfBits, seed);
  while (value >= size);
  return value;
}
