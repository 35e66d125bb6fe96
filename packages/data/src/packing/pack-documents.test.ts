import { CorruptDataError } from '@moect/core';
import { describe, expect, it } from 'vitest';
import { createByteTokenizer } from './byte-tokenizer.ts';
import { type PackedSequences, packDocuments } from './pack-documents.ts';
import { type TokenCache, tokenizeDocuments } from './tokenize-documents.ts';

const tokenizer = createByteTokenizer();
const bosTokenId = 256;
const prefixIds = [bosTokenId];
const eosTokenId = 257;

const cacheOf = (...texts: string[]): Promise<TokenCache> =>
  tokenizeDocuments(
    tokenizer,
    texts.map((text, i) => ({ id: `d${i}`, text, language: 'und' })),
  );

/** The text of each document, put together from the targets alone. */
function textsFromTargets(packed: PackedSequences): string[] {
  const ids = new Map<number, number[]>();
  packed.targets.forEach((target, i) => {
    if (target < 0) return;
    const document = packed.documentIds[i]!;
    const known = ids.get(document);
    if (known === undefined) ids.set(document, [target]);
    else known.push(target);
  });
  return [...ids.keys()].sort((a, b) => a - b).map((document) => tokenizer.decode(ids.get(document)!));
}

describe('tokenizeDocuments', () => {
  it('keeps tokens, boundaries and bytes, and leaves out what has no token', async () => {
    const cache = await cacheOf('ab', '', 'é');
    expect([...cache.tokens]).toEqual([97, 98, 0xc3, 0xa9]);
    expect([...cache.offsets]).toEqual([0, 2, 4]);
    expect(cache).toMatchObject({ textBytes: 4, emptyDocuments: 1 });
  });

  it('grows beyond its first buffer', async () => {
    const long = 'x'.repeat(70_000);
    const cache = await cacheOf(long, 'y', long);
    expect(cache.tokens).toHaveLength(140_001);
    expect(cache.tokens[70_000]).toBe('y'.charCodeAt(0));
    expect(tokenizer.decode([...cache.tokens])).toBe(`${long}y${long}`);
  });

  it('refuses ids outside the vocabulary', async () => {
    const wrong = { ...tokenizer, encode: () => [3, 258] };
    await expect(tokenizeDocuments(wrong, [{ id: 'd', text: 'x', language: 'und' }])).rejects.toThrow(
      CorruptDataError,
    );
  });
});

describe('packDocuments', () => {
  it('lays documents end to end', async () => {
    const packed = packDocuments(await cacheOf('abc', 'de'), { sequenceLength: 4, prefixIds });
    const [a, b, c, d, e] = [97, 98, 99, 100, 101];
    expect(packed).toMatchObject({ count: 2, documents: 2, targetCount: 5, textBytes: 5 });
    expect([...packed.tokens]).toEqual([bosTokenId, a, b, bosTokenId, d, 0, 0, 0]);
    expect([...packed.targets]).toEqual([a, b, c, d, e, -1, -1, -1]);
    expect([...packed.positions]).toEqual([0, 1, 2, 0, 0, 0, 0, 0]);
    expect([...packed.documentIds]).toEqual([0, 0, 0, 1, 1, -1, -1, -1]);
  });

  it('ends documents with EOS where wanted', async () => {
    const packed = packDocuments(await cacheOf('ab'), { sequenceLength: 4, prefixIds, eosTokenId });
    expect([...packed.tokens]).toEqual([bosTokenId, 97, 98, 0]);
    expect([...packed.targets]).toEqual([97, 98, eosTokenId, -1]);
    expect(packed.targetCount).toBe(3);
  });

  it.each([1, 2, 3, 5, 8, 64, 1000])('predicts each token exactly once, T = %d', async (sequenceLength) => {
    const texts = Array.from({ length: 40 }, (_, i) => `${i}: ${'texte à prédire '.repeat((i * 7) % 11)}.`);
    const cache = await cacheOf(...texts);
    const packed = packDocuments(cache, { sequenceLength, prefixIds });
    expect(textsFromTargets(packed)).toEqual(texts);
    expect(packed.targets.filter((t) => t >= 0)).toHaveLength(cache.tokens.length);
    expect(packed.tokens).toHaveLength(packed.count * sequenceLength);
    const wrong: number[] = [];
    for (let i = 0; i < packed.tokens.length; i++) {
      const first = i % sequenceLength === 0;
      const padding = packed.documentIds[i] === -1;
      const continues = i > 0 && packed.documentIds[i - 1] === packed.documentIds[i];
      // the input is the target of the place before, across sequences too
      const token = padding ? 0 : continues ? packed.targets[i - 1] : bosTokenId;
      const position = padding || !continues || first ? 0 : packed.positions[i - 1]! + 1;
      const right = packed.tokens[i] === token && packed.positions[i] === position;
      if (!right || (packed.targets[i] === -1) !== padding) wrong.push(i);
    }
    expect(wrong).toEqual([]);
  });

  it('has a fingerprint that data, length and boundaries change', async () => {
    const options = { sequenceLength: 4, prefixIds };
    const base = packDocuments(await cacheOf('abc', 'de'), options).fingerprint;
    expect(packDocuments(await cacheOf('abc', 'de'), options).fingerprint).toBe(base);
    const others = [
      packDocuments(await cacheOf('abd', 'de'), options),
      packDocuments(await cacheOf('ab', 'cde'), options),
      packDocuments(await cacheOf('abc', 'de'), { ...options, sequenceLength: 5 }),
      packDocuments(await cacheOf('abc', 'de'), { ...options, eosTokenId }),
    ].map(({ fingerprint }) => fingerprint);
    expect(new Set([base, ...others]).size).toBe(5);
  });

  it('refuses nothing to pack and impossible lengths', async () => {
    expect(() => packDocuments({} as TokenCache, { sequenceLength: 0, prefixIds: [-1] })).toThrow(
      /sequenceLength: .*prefixIds\[0\]: /s,
    );
    const empty = await cacheOf('');
    expect(() => packDocuments(empty, { sequenceLength: 4, prefixIds })).toThrow(/hold no token/);
  });
});
