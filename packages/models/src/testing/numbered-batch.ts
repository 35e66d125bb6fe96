import type { SequenceBatch } from '@moect/core';

/** A batch of two packed rows of 24 tokens for each number; the second row ends in padding. */
export function numberedBatch(number: number): SequenceBatch {
  const [batchSize, sequenceLength] = [2, 24];
  const size = batchSize * sequenceLength;
  const column = (value: (row: number, t: number) => number): Int32Array =>
    Int32Array.from({ length: size }, (_, i) => value(Math.floor(i / sequenceLength), i % sequenceLength));
  return {
    batchSize,
    sequenceLength,
    tokens: column((row, t) => (7 * number + 3 * row + t * t) % 23),
    positions: column((_row, t) => t % 10),
    documentIds: column((row, t) => (row === 1 && t >= 20 ? -1 : number + Math.floor(t / 10))),
  };
}
