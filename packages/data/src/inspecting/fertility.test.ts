import { expect, it } from 'vitest';
import { createByteTokenizer } from '../packing/byte-tokenizer.ts';
import { fertilityReport } from './fertility.ts';

it('reports bytes, characters, words and tokens of each language', async () => {
  const halving = {
    ...createByteTokenizer(),
    encode: (text: string) => [...text].filter((_, i) => i % 2 === 0).map(() => 0),
  };
  const report = await fertilityReport(halving, [
    { id: '1', language: 'zh', text: '漢字漢字' },
    { id: '2', language: 'en', text: 'two words' },
    { id: '3', language: 'zh', text: '👍 ok' },
  ]);
  expect(report).toEqual([
    {
      language: 'zh',
      documents: 2,
      bytes: 19,
      characters: 8,
      words: 3,
      tokens: 4,
      bytesPerToken: 4.75,
      tokensPerWord: 4 / 3,
    },
    {
      language: 'en',
      documents: 1,
      bytes: 9,
      characters: 9,
      words: 2,
      tokens: 5,
      bytesPerToken: 1.8,
      tokensPerWord: 2.5,
    },
  ]);
});
