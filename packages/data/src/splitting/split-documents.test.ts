import { type Document, InvalidConfigError } from '@moect/core';
import { describe, expect, it } from 'vitest';
import { normalizeText } from './normalize-text.ts';
import { removeDuplicates, type Splits, splitDocuments } from './split-documents.ts';

const document = (text: string, id = text): Document => ({ id, text, language: 'und' });
const many = Array.from({ length: 4000 }, (_, i) => document(`text number ${i}`));
const sideOf = (splits: Splits): Map<string, string> =>
  new Map(Object.entries(splits).flatMap(([name, list]) => list.map((d: Document) => [d.text, name])));

describe('normalizeText', () => {
  it('equates forms and white space, not letters or case', () => {
    expect(normalizeText('  e\u0301t\u00e9 \n\t x ')).toBe('\u00e9t\u00e9 x');
    expect(normalizeText('a')).not.toBe(normalizeText('A'));
  });
});

describe('splitDocuments', () => {
  it('gives about the shares asked for', () => {
    const { report } = splitDocuments(many, { seed: 1, dev: 0.1, test: 0.2 });
    expect(report.documents).toBe(4000);
    // four standard deviations
    expect(Math.abs(report.kept.dev - 400)).toBeLessThan(76);
    expect(Math.abs(report.kept.test - 800)).toBeLessThan(102);
    expect(report.kept.train + report.kept.dev + report.kept.test).toBe(4000);
  });

  it('places a text by seed and text alone', () => {
    const whole = sideOf(splitDocuments(many, { seed: 1 }).splits);
    const part = sideOf(splitDocuments(many.slice(1000, 1500).reverse(), { seed: 1 }).splits);
    for (const [text, side] of part) expect(whole.get(text)).toBe(side);
    const other = sideOf(splitDocuments(many, { seed: 2 }).splits);
    expect([...whole].filter(([text, side]) => other.get(text) !== side).length).toBeGreaterThan(100);
  });

  it('removes copies, also under other white space and Unicode forms, and counts them', () => {
    const copies = many.slice(0, 100).map(({ text }) => document(`  ${text.replaceAll(' ', '\n')} `, 'copy'));
    const { splits, report } = splitDocuments([...many, ...copies], { seed: 3, dev: 0.2, test: 0.2 });
    const removed = Object.values(report.duplicatesWithin).reduce((sum, n) => sum + n, 0);
    expect(removed).toBe(100);
    expect(report.duplicatesAcross).toEqual({ train: 0, dev: 0, test: 0 });
    expect([...splits.train, ...splits.dev, ...splits.test].every(({ id }) => id !== 'copy')).toBe(true);
  });

  it('keeps groups together, and takes texts of held-out groups out of training', () => {
    const grouped = many.map((d, i) =>
      document(i % 40 === 0 ? 'the same in many groups' : d.text, `g${i % 97}`),
    );
    const { splits, report } = splitDocuments(grouped, {
      seed: 1,
      dev: 0.2,
      test: 0.2,
      groupOf: ({ id }) => id,
    });
    const groups = Object.values(splits).map((list) => new Set(list.map(({ id }: Document) => id)));
    for (const [i, left] of groups.entries()) {
      for (const right of groups.slice(i + 1)) expect([...left].filter((g) => right.has(g))).toEqual([]);
    }
    expect(report.duplicatesAcross.train).toBeGreaterThan(0);
    expect(splits.train.some(({ text }) => text.startsWith('the same'))).toBe(false);
    expect(splits.test.filter(({ text }) => text.startsWith('the same'))).toHaveLength(1);
    const { kept, duplicatesWithin, duplicatesAcross, documents } = report;
    const total = [kept, duplicatesWithin, duplicatesAcross].flatMap((counts) => Object.values(counts));
    expect(total.reduce((sum, n) => sum + n, 0)).toBe(documents);
  });

  it('gives dev its least number while that is at most a tenth, by the same order', () => {
    const heldOut = (count: number, minDev: number): string[] =>
      splitDocuments(many.slice(0, count), { seed: 0, dev: 0.01, test: 0, minDev }).splits.dev.map(
        ({ text }) => text,
      );
    expect(heldOut(30, 0)).toEqual([]);
    const [one] = heldOut(30, 1);
    expect(heldOut(30, 1)).toHaveLength(1);
    expect(heldOut(30, 3)).toHaveLength(3);
    expect(heldOut(30, 3)).toContain(one);
    expect(heldOut(30, 4)).toEqual([]);
    expect(heldOut(9, 1)).toEqual([]);
    // where the share gives more, nothing changes
    expect(heldOut(4000, 5)).toEqual(heldOut(4000, 0));
    expect(splitDocuments(many.slice(0, 30), { seed: 0, dev: 0, test: 0, minDev: 1 }).splits.dev).toEqual([]);
    // copies are one document
    const copies = Array.from({ length: 10 }, () => many[0]!);
    expect(splitDocuments(copies, { seed: 0, dev: 0.05, test: 0, minDev: 1 }).splits.train).toHaveLength(1);
  });

  it('refuses impossible shares', () => {
    expect(() => splitDocuments([], { seed: 1, dev: 0.6, test: 0.5 })).toThrow(InvalidConfigError);
    expect(() => splitDocuments([], { seed: 1, dev: -0.1, test: Number.NaN })).toThrow(/dev: .*test: /s);
  });
});

describe('removeDuplicates', () => {
  it('lets test win over dev, dev over train, the first copy over later ones', () => {
    const { splits, report } = removeDuplicates({
      train: [document('a', 't1'), document('b', 't2'), document('c', 't3'), document('c', 't4')],
      dev: [document('b', 'd1'), document('d', 'd2')],
      test: [document('a', 'e1'), document('d', 'e2'), document('d', 'e3')],
    });
    const ids = (list: readonly Document[]): string[] => list.map(({ id }) => id);
    expect(ids(splits.train)).toEqual(['t3']);
    expect(ids(splits.dev)).toEqual(['d1']);
    expect(ids(splits.test)).toEqual(['e1', 'e2']);
    expect(report).toEqual({
      documents: 9,
      kept: { train: 1, dev: 1, test: 2 },
      duplicatesWithin: { train: 1, dev: 0, test: 1 },
      duplicatesAcross: { train: 2, dev: 1, test: 0 },
    });
  });
});
