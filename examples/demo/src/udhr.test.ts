import { describe, expect, it } from 'vitest';
import { loadUdhr } from './udhr.ts';

const bytes = (documents: readonly { text: string }[]): number =>
  documents.reduce((sum, { text }) => sum + new TextEncoder().encode(text).length, 0);

describe('loadUdhr', async () => {
  const languages = await loadUdhr();

  it('has four new and two unseen languages', () => {
    expect(languages.map(({ code, role }) => `${code} ${role}`)).toEqual([
      'swh_Latn new',
      'yor_Latn new',
      'isl_Latn new',
      'quz_Latn new',
      'fin_Latn unseen',
      'zul_Latn unseen',
    ]);
  });

  it.each(languages)(
    '$code: preamble and 20 articles, 3 and 7, none in two splits',
    ({ train, dev, test }) => {
      expect(train.map(({ article }) => article)).toEqual([
        0, 1, 2, 4, 5, 7, 8, 10, 11, 13, 14, 16, 17, 19, 20, 22, 23, 25, 26, 28, 29,
      ]);
      expect(dev.map(({ article }) => article)).toEqual([6, 12, 30]);
      expect(test.map(({ article }) => article)).toEqual([3, 9, 15, 18, 21, 24, 27]);
      const texts = [...train, ...dev, ...test].map(({ text }) => text);
      expect(new Set(texts).size).toBe(31);
    },
  );

  it('has the byte counts that the reports quote', () => {
    expect(
      languages.map(({ code, train, dev, test }) => [code, bytes(train), bytes(dev), bytes(test)]),
    ).toEqual([
      ['swh_Latn', 7296, 518, 1605],
      ['yor_Latn', 14065, 875, 2532],
      ['isl_Latn', 8613, 564, 1664],
      ['quz_Latn', 6173, 708, 1432],
      ['fin_Latn', 8975, 573, 1550],
      ['zul_Latn', 7887, 522, 1444],
    ]);
  });

  it('drops headings and typesetting marks', () => {
    for (const { train, dev, test } of languages) {
      for (const { text } of [...train, ...dev, ...test]) {
        expect(text).not.toMatch(/^&\d|<|^Kifungu|^Artikla|^Isigaba|^Grein/m);
      }
    }
    const swahili = languages[0]!.train[1]!;
    expect(swahili.id).toBe('udhr/swh/1');
    expect(swahili.text).toMatch(/^Watu wote wamezaliwa huru/);
  });
});
