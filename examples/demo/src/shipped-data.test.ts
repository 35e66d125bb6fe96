import { readFile } from 'node:fs/promises';
import { Tokenizer } from '@huggingface/tokenizers';
import { describe, expect, it } from 'vitest';
import { ShingleIndex } from '../scripts/corpus/shingles.ts';
import { byteLength, groupParagraphs, type TextRecord } from '../scripts/corpus/text.ts';
import { tokenizerConfig, tokenizerJson } from '../scripts/tokenizer/tokenizer-files.ts';
import { trainByteLevelBpe } from '../scripts/tokenizer/train-bpe.ts';

const file = (path: string): Promise<string> => readFile(new URL(`../${path}`, import.meta.url), 'utf8');
const records = async (name: string): Promise<TextRecord[]> =>
  (await file(`data/old/${name}.jsonl`))
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
const json = async (path: string): Promise<object> => JSON.parse(await file(path));

/** Every byte that UTF-8 can hold, and scripts that the tokenizer never saw. */
const awkwardTexts = [
  Array.from({ length: 0x800 }, (_, i) => String.fromCodePoint(i)).join(''),
  'Ọjọ́ ìbí — þjóð · Ñuqanchis\t\r\n  two  spaces \n',
  '汉字與漢字，没有空格的一长串文字'.repeat(20),
  '👩‍👩‍👧 𐍈 ༄༅ العربية \u{10FFFF}\u{40000}\u{80000}\u{C0000}',
  "It's  we'll they've I'd 3.14",
];

describe('shipped excerpts', () => {
  it.each(['eng_Latn', 'zho_Hans'])(
    '%s: replay shares no run of 50 bytes with held-out text',
    async (code) => {
      const heldOut = await records(`${code}.heldout`);
      const replay = await records(`${code}.replay`);
      expect(heldOut).toHaveLength(40);
      expect(heldOut.every(({ text }) => byteLength(text) >= 700 && byteLength(text) <= 1000)).toBe(true);
      const index = new ShingleIndex();
      for (const { text } of heldOut) index.add(text);
      expect(replay.filter(({ text }) => index.shares(text))).toEqual([]);
      // the index finds a run that is there
      expect(index.shares(`xx${heldOut[7]!.text.slice(100, 160)}yy`)).toBe(true);
    },
  );
});

describe('ShingleIndex', () => {
  it('finds a run of exactly its width anywhere, and none that is one byte shorter', () => {
    const index = new ShingleIndex(10);
    index.add('abcdefghijklmnopqrstuvwxyz');
    expect(index.shares('....qrstuvwxyz')).toBe(true);
    expect(index.shares('....rstuvwxyz....')).toBe(false);
    expect(index.shares('short')).toBe(false);
  });
});

describe('groupParagraphs', () => {
  it('keeps every character but white space between sentences, within the bounds', () => {
    const paragraphs = [
      'One. Two! Three?',
      '一。二！三？”四',
      'A very long paragraph. '.repeat(30).trim(),
      'end',
    ];
    const texts = groupParagraphs(paragraphs, { minBytes: 40, maxBytes: 90 });
    expect(texts.join('').replace(/\s/g, '')).toBe(paragraphs.join('').replace(/\s/g, ''));
    expect(texts.every((text) => byteLength(text) <= 90)).toBe(true);
    expect(texts.slice(0, -1).every((text) => byteLength(text) >= 40)).toBe(true);
  });
});

/** A text there and back. */
const textOf = (tokenizer: Tokenizer, text: string): string =>
  tokenizer.decode(tokenizer.encode(text).ids, { skip_special_tokens: true });

describe('base tokenizer', async () => {
  const tokenizer = new Tokenizer(
    await json('base/tokenizer.json'),
    await json('base/tokenizer_config.json'),
  );

  it('has 2,048 tokens, <s> = 0 and </s> = 1, and puts <s> in front, as in the pretraining', () => {
    expect(tokenizer.token_to_id('<s>')).toBe(0);
    expect(tokenizer.token_to_id('</s>')).toBe(1);
    expect(tokenizer.get_vocab().size).toBe(2048);
    expect(tokenizer.encode('').ids).toEqual([0]);
    expect(tokenizer.encode('the').ids).toHaveLength(2);
  });

  it.each(awkwardTexts)('brings back text %#', (text) => {
    expect(textOf(tokenizer, text)).toBe(text);
  });

  it.each([
    ['eng_Latn', 2.6],
    ['zho_Hans', 2.4],
  ])('%s: at least %d bytes per token on held-out text', async (code, least) => {
    const texts = (await records(`${code}.heldout`)).map(({ text }) => text);
    const tokens = texts.reduce(
      (sum, text) => sum + tokenizer.encode(text, { add_special_tokens: false }).ids.length,
      0,
    );
    const bytes = texts.reduce((sum, text) => sum + byteLength(text), 0);
    expect(bytes / tokens).toBeGreaterThan(least);
  });
});

describe('trainByteLevelBpe', () => {
  it('merges the most frequent pair first, ties to the lower ids', () => {
    const { tokens, merges } = trainByteLevelBpe(['low low low lower newest newest'], {
      vocabSize: 261,
      specialTokens: ['<s>'],
    });
    // l-o and o-w occur four times each: l is the lower id; at the end four pairs occur twice
    expect(merges).toEqual([
      ['l', 'o'],
      ['lo', 'w'],
      ['Ġ', 'low'],
      ['Ġ', 'n'],
    ]);
    expect(tokens).toHaveLength(261);
    expect(tokens.slice(0, 1)).toEqual(['<s>']);
  });

  it('counts pairs as they are after overlapping merges', () => {
    const trained = trainByteLevelBpe(['aaaa aaaa aaa'], { vocabSize: 260, specialTokens: ['<s>', '</s>'] });
    expect(trained.merges[0]).toEqual(['a', 'a']);
    const tokenizer = new Tokenizer(
      tokenizerJson(trained, ['<s>', '</s>']),
      tokenizerConfig('<s>', '</s>', 128),
    );
    expect(textOf(tokenizer, 'aaaaa aa')).toBe('aaaaa aa');
  });
});
