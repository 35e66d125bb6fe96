import type { Tokenizer } from '@moect/core';

const byteValues = 256;

/**
 * A tokenizer without a vocabulary file: ids 0 to 255 are UTF-8 bytes, 256 is BOS, 257 is EOS.
 * For tests, toy models and languages that no tokenizer serves. Decoding drops BOS and EOS.
 */
export function createByteTokenizer(): Tokenizer {
  const encoder = new TextEncoder();
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  return {
    vocabSize: byteValues + 2,
    bosTokenId: byteValues,
    eosTokenIds: [byteValues + 1],
    encode: (text) => [...encoder.encode(text)],
    decode: (ids) => decoder.decode(Uint8Array.from(ids.filter((id) => id < byteValues))),
  };
}
