import { describe, expect, it } from 'vitest';
import { scoresByLanguage } from './by-language.ts';
import { bitsPerByte, bytePerplexity, bytesPerToken, wordPerplexity } from './corpus-metrics.ts';

const scores = [
  { id: 'a', language: 'x', bytes: 4, words: 1, logProbs: Float64Array.of(-Math.LN2, -Math.LN2) },
  { id: 'b', language: 'y', bytes: 6, words: 2, logProbs: Float64Array.of(-18 * Math.LN2) },
  { id: 'empty', language: 'x', bytes: 0, words: 1, logProbs: new Float64Array(0) },
];

describe('corpus metrics', () => {
  it('are ratios of sums', () => {
    expect(bitsPerByte(scores)).toBeCloseTo(2, 12);
    expect(bytePerplexity(scores)).toBeCloseTo(4, 12);
    expect(bytesPerToken(scores)).toBeCloseTo(10 / 3, 12);
    expect(wordPerplexity(scores)).toBeCloseTo(2 ** 5, 9);
  });

  it('come by language', () => {
    expect(scoresByLanguage(scores)).toEqual([
      expect.objectContaining({ language: 'x', documents: 2, bytes: 4, tokens: 2, bitsPerByte: 0.5 }),
      expect.objectContaining({ language: 'y', documents: 1, bytes: 6, tokens: 1, bitsPerByte: 3 }),
    ]);
  });

  it('refuse to divide by nothing', () => {
    expect(() => bitsPerByte(scores.slice(2))).toThrow(/hold no bytes/);
    expect(() => bytesPerToken([])).toThrow(/hold no tokens/);
  });
});
