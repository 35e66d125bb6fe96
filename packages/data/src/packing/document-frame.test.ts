import { InvalidConfigError } from '@moect/core';
import { describe, expect, it } from 'vitest';
import { createByteTokenizer } from './byte-tokenizer.ts';
import { documentFrame } from './document-frame.ts';

const tokenizer = createByteTokenizer();
const [bos, eos] = [256, 257];

describe('documentFrame', () => {
  it.each([
    ['BOS where the tokenizer says nothing else', tokenizer, undefined, [bos], [bos]],
    ['what the tokenizer adds', { ...tokenizer, textPrefix: [7, 8] }, undefined, [7, 8], [7, 8]],
    [
      'EOS before documents only, where it adds nothing',
      { ...tokenizer, textPrefix: [] },
      undefined,
      [eos],
      [],
    ],
    ['EOS without a BOS', { ...tokenizer, bosTokenId: null }, undefined, [eos], []],
    ['BOS for want of an EOS', { ...tokenizer, textPrefix: [], eosTokenIds: [] }, undefined, [bos], []],
    ['BOS by choice', { ...tokenizer, textPrefix: [] }, 'bos' as const, [bos], [bos]],
    ['EOS by choice', tokenizer, 'eos' as const, [eos], [eos]],
  ])('puts %s in front', (_, given, prefixToken, prefixIds, promptIds) => {
    expect(documentFrame(given, prefixToken)).toMatchObject({ prefixIds, promptIds });
  });

  it('ends documents with the tokenizer’s own end token', () => {
    expect(documentFrame({ ...tokenizer, eosTokenIds: [9, 3] }).endId).toBe(9);
    expect(documentFrame({ ...tokenizer, eosTokenIds: [] }).endId).toBeNull();
  });

  it('reads older runs as they were made', () => {
    const former = { ...tokenizer, bosTokenId: 1, eosTokenIds: [2], encode: () => [5] };
    const frame = documentFrame({ ...tokenizer, textPrefix: [], former }, 'moect-0.1');
    expect(frame).toMatchObject({ prefixIds: [1], promptIds: [1], endId: 2 });
    expect(frame.tokenizer.encode('x')).toEqual([5]);
    // made by hand: without another way of reading
    expect(documentFrame({ ...tokenizer, bosTokenId: null }, 'moect-0.1').prefixIds).toEqual([eos]);
  });

  it('complains without a token to put there', () => {
    const none = { ...tokenizer, bosTokenId: null, eosTokenIds: [] };
    for (const choice of ['tokenizer', 'bos', 'eos', 'moect-0.1'] as const) {
      expect(() => documentFrame(none, choice)).toThrow(InvalidConfigError);
    }
  });
});
