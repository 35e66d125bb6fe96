import type { DocumentScore } from '@moect/core';
import { createRng } from '@moect/tensor';
import { describe, expect, it } from 'vitest';
import { scaled, scoreOf } from '../testing/scores.ts';
import { bootstrap } from './bootstrap.ts';
import { nonInferiority } from './non-inferiority.ts';
import { pairedBootstrap } from './paired-bootstrap.ts';
import { scoreTable } from './score-table.ts';

const rng = createRng(1);

function corpus(count: number, language = 'aaa_Latn'): DocumentScore[] {
  return Array.from({ length: count }, (_, i) =>
    scoreOf(`d${i}`, language, 50 + Math.floor(400 * rng.next()), 1 + rng.next()),
  );
}

describe('pairedBootstrap', () => {
  it('estimates ratios of sums, not means of ratios', () => {
    const before = [scoreOf('a', 'x', 100, 1), scoreOf('b', 'x', 300, 2)];
    const after = [scoreOf('a', 'x', 100, 2), scoreOf('b', 'x', 300, 2)];
    // before (100 + 600) ÷ 400 = 1.75, after (200 + 600) ÷ 400 = 2
    expect(pairedBootstrap({ before, after, statistic: 'change' }).estimate).toBeCloseTo(0.25, 12);
    expect(pairedBootstrap({ before, after, statistic: 'relativeChange' }).estimate).toBeCloseTo(1 / 7, 12);
  });

  it('gives every resample of two documents by hand', () => {
    const before = [scoreOf('a', 'x', 100, 1), scoreOf('b', 'x', 300, 2)];
    const after = [scoreOf('a', 'x', 100, 2), scoreOf('b', 'x', 300, 2)];
    const { replicates } = pairedBootstrap({ before, after, statistic: 'change' });
    const shares = [1, 0.25, 0].map(
      (value) => replicates.filter((r) => Math.abs(r - value) < 1e-12).length / replicates.length,
    );
    // aa ¼, ab or ba ½, bb ¼
    expect(shares[0]! + shares[1]! + shares[2]!).toBeCloseTo(1, 12);
    expect(shares[1]).toBeGreaterThan(0.45);
    expect(shares[1]).toBeLessThan(0.55);
  });

  it('is the same for the same seed and for documents in another order of the second system', () => {
    const before = corpus(30);
    const after = scaled(before, () => 0.9 + 0.2 * rng.next());
    const run = (seed: number, other = after): unknown =>
      pairedBootstrap({ before, after: other, statistic: 'change', seed, resamples: 300 });
    expect(run(5)).toEqual(run(5));
    expect(run(5, after.toReversed())).toEqual(run(5));
    expect(run(6)).not.toEqual(run(5));
  });

  it('covers the truth about as often as it says', () => {
    const draw = createRng(3);
    let covered = 0;
    const trials = 120;
    for (let trial = 0; trial < trials; trial++) {
      const noise = draw.normal(60, 0.05, 0.2);
      const before = Array.from({ length: 60 }, (_, i) => scoreOf(`d${i}`, 'x', 100, 2));
      const after = Array.from({ length: 60 }, (_, i) => scoreOf(`d${i}`, 'x', 100, 2 + noise[i]!));
      const { interval } = pairedBootstrap({
        before,
        after,
        statistic: 'change',
        resamples: 200,
        seed: trial,
      });
      if (interval[0] <= 0.05 && 0.05 <= interval[1]) covered++;
    }
    expect(covered / trials).toBeGreaterThan(0.88);
    expect(covered / trials).toBeLessThan(1);
  });

  it('draws clusters together over languages', () => {
    // the change depends on the article alone, so translations move together and the mean does not shrink
    const articles = [0, 1, 2, 3, 4, 5, 6];
    const before = ['sw', 'yo'].flatMap((language) => articles.map((a) => scoreOf(`${a}`, language, 100, 2)));
    const after = scaled(before, (id) => 1 + Number(id) / 10);
    const width = (clusters?: (d: { id: string }) => string): number => {
      const { interval, units } = pairedBootstrap({
        before,
        after,
        statistic: 'change',
        ...(clusters && { clusters }),
      });
      expect(units).toBe(clusters === undefined ? 14 : 7);
      return interval[1] - interval[0];
    };
    expect(width((d) => d.id) / width()).toBeGreaterThan(1.25);
  });

  it('never loses a language in a resample', () => {
    const before = [...corpus(40, 'big'), scoreOf('only', 'small', 10, 3)];
    const { replicates } = pairedBootstrap({
      before,
      after: scaled(before, 1.5),
      statistic: 'relativeChange',
    });
    expect([...replicates].every((r) => Math.abs(r - 0.5) < 1e-12)).toBe(true);
  });

  it('says when there are few documents', () => {
    const few = (count: number): boolean => {
      const before = corpus(count);
      return pairedBootstrap({ before, after: before, statistic: 'change', resamples: 10 }).fewDocuments;
    };
    expect([few(19), few(20)]).toEqual([true, false]);
  });

  it('names documents that do not pair', () => {
    const [a, b] = [scoreOf('a', 'x', 10, 1), scoreOf('b', 'x', 10, 1)];
    const run = (before: DocumentScore[], after: DocumentScore[]) => () =>
      pairedBootstrap({ before, after, statistic: 'change' });
    expect(run([a, b], [a])).toThrow(/'b' \(x\) is not scored under every system/);
    expect(run([a], [a, b])).toThrow(/'b' \(x\) is not scored under the first/);
    expect(run([a, a], [a])).toThrow(/twice/);
    expect(run([a], [{ ...a, bytes: 11 }])).toThrow(/different bytes/);
    expect(run([], [])).toThrow(/no documents/);
    expect(run([scoreOf('e', 'x', 0, 0)], [scoreOf('e', 'x', 0, 0)])).toThrow(/no bytes/);
  });
});

describe('nonInferiority', () => {
  it('needs the upper end below the bound, and more evidence for more languages', () => {
    const before = corpus(60);
    const of = (factor: number): ReturnType<typeof bootstrap> =>
      pairedBootstrap({
        before,
        after: scaled(before, () => factor + 0.004 * (rng.next() - 0.5)),
        statistic: 'relativeChange',
      });
    const [kept, lost, wide] = nonInferiority(
      {
        kept: of(1.002),
        lost: of(1.02),
        wide: pairedBootstrap({
          before,
          after: scaled(before, (id) => (Number(id.slice(1)) % 2 === 0 ? 1.2 : 0.8)),
          statistic: 'relativeChange',
        }),
      },
      0.01,
    );
    expect(kept).toMatchObject({ language: 'kept', kept: true });
    expect(kept!.adjustedP).toBeCloseTo(3 / 2001, 12);
    expect(lost).toMatchObject({ kept: false, pValue: 1 });
    // a loss that is not significant is not yet "kept"
    expect(wide!.kept).toBe(false);
  });
});

describe('bootstrap', () => {
  it('refuses senseless options', () => {
    const table = scoreTable([corpus(3)]);
    expect(() => bootstrap(table, () => 0, { resamples: 0, level: 1 })).toThrow(/resamples[\s\S]*level/);
  });
});
