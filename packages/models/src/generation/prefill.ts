/**
 * Tokens of a prompt that are read at a time. Keys and values stay in the cache; everything else that a pass holds grows
 * with this number and not with the prompt. Products are at full speed from about here on.
 */
const CHUNK = 512;

/** Logits of one chunk, at most, where each of its tokens is predicted: 64 MiB. */
const LOGITS = 2 ** 24;

/** Tokens at a time, where only the last one's logits are wanted. */
export const promptChunk = (rows: number): number => Math.max(1, Math.floor(CHUNK / rows));

/** Tokens at a time, where every token's logits are made. */
export const predictedChunk = (vocabSize: number): number =>
  Math.max(1, Math.min(CHUNK, Math.floor(LOGITS / vocabSize)));

/** Begin and end of each chunk. */
export function chunksOf(length: number, size: number): [begin: number, end: number][] {
  return Array.from({ length: Math.ceil(length / size) }, (_, i) => [
    i * size,
    Math.min(length, (i + 1) * size),
  ]);
}
