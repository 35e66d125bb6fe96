import type { Batch, BatchSource } from '@moect/core';

export interface TinyData {
  readonly batchSize?: number;
  readonly sequenceLength?: number;
  readonly vocabSize?: number;
  /** Rows before the epoch repeats. */
  readonly epochRows?: number;
}

/** Mixes two integers into one of 32 bits (splitmix32's finalizer). */
function mix(a: number, b: number): number {
  let z = (Math.imul(a + 1, 0x9e3779b9) ^ Math.imul(b + 7, 0x85ebca6b)) >>> 0;
  z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
  z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
  return (z ^ (z >>> 15)) >>> 0;
}

/**
 * Row r of an endless stream: two documents of different languages and lengths, then padding. Cut into batches of
 * any size, the rows are the same.
 */
export function tinyData(options: TinyData = {}): BatchSource {
  const { batchSize = 2, sequenceLength = 12, vocabSize = 11, epochRows = 10 } = options;
  const size = batchSize * sequenceLength;
  return {
    languages: [
      { code: 'eng_Latn', role: 'old' },
      { code: 'swh_Latn', role: 'new' },
    ],
    fingerprint: `tiny-${sequenceLength}-${vocabSize}-${epochRows}`,
    batch(counter) {
      const columns = Array.from({ length: 6 }, () => new Int32Array(size).fill(-1));
      const [tokens, targets, positions, documentIds, languageIds, roles] = columns as Int32Array[];
      for (let row = 0; row < batchSize; row++) {
        const source = (counter * batchSize + row) % epochRows;
        const first = 3 + (mix(source, 1) % 4);
        const used = first + 2 + (mix(source, 2) % (sequenceLength - first - 2));
        for (let t = 0; t < sequenceLength; t++) {
          const i = row * sequenceLength + t;
          const inSecond = t >= first ? 1 : 0;
          const language = (source + inSecond) % 2;
          const padding = t >= used;
          // the next token mostly follows from this one, so that there is something to learn
          const at = (k: number): number =>
            (mix(source, 40 + inSecond) + 3 * k + (mix(source, k) % 2)) % vocabSize;
          tokens![i] = padding ? 0 : at(t);
          const hasNext = t + 1 < used && t + 1 !== first;
          targets![i] = hasNext ? at(t + 1) : -1;
          positions![i] = padding ? 0 : t - inSecond * first;
          documentIds![i] = padding ? -1 : inSecond;
          languageIds![i] = padding ? -1 : language;
          roles![i] = padding ? 0 : language + 1;
        }
      }
      return {
        batchSize,
        sequenceLength,
        tokens: tokens!,
        targets: targets!,
        positions: positions!,
        documentIds: documentIds!,
        languageIds: languageIds!,
        roles: roles!,
      } satisfies Batch;
    },
  };
}
