import { createHash } from 'node:crypto';
import type { SequenceBatch } from '@moect/core';

/** One row without the padding at its end. */
export interface Sequence {
  readonly tokens: Int32Array;
  readonly positions: Int32Array;
  /** Numbered in order of first occurrence, −1 for padding inside. */
  readonly documentIds: Int32Array;
  /** SHA-256 of all that determines a frozen layer's output, and thus of tokenizer and packing too. */
  readonly key: string;
}

function renumber(ids: Int32Array): Int32Array {
  const numbers = new Map<number, number>();
  return ids.map((id) => {
    if (id < 0) return -1;
    const number = numbers.get(id) ?? numbers.size;
    numbers.set(id, number);
    return number;
  });
}

/** The rows of a batch; null for a row of padding only. */
export function sequencesOf(batch: SequenceBatch): (Sequence | null)[] {
  const { batchSize, sequenceLength } = batch;
  return Array.from({ length: batchSize }, (_, row) => {
    const begin = row * sequenceLength;
    let end = begin + sequenceLength;
    while (end > begin && batch.documentIds[end - 1]! < 0) end--;
    if (end === begin) return null;
    const tokens = batch.tokens.slice(begin, end);
    const positions = batch.positions?.slice(begin, end) ?? Int32Array.from(tokens, (_token, i) => i);
    const documentIds = renumber(batch.documentIds.slice(begin, end));
    const hash = createHash('sha256').update(Int32Array.of(tokens.length));
    for (const values of [tokens, positions, documentIds]) hash.update(values);
    return { tokens, positions, documentIds, key: hash.digest('hex') };
  });
}
