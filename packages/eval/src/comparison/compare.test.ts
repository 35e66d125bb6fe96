import { describe, expect, it } from 'vitest';
import { scaled, scoreOf } from '../testing/scores.ts';
import { compare } from './compare.ts';

const languages = { eng: 'old', zho: 'old', swh: 'new', yor: 'new', fin: 'unseen' } as const;

const before = Object.keys(languages).flatMap((language, l) =>
  Array.from({ length: 30 }, (_, i) => scoreOf(`${i}`, language, 100 + 10 * i, 2 + l + (i % 5) / 10)),
);

function after(factors: Record<string, number>): typeof before {
  return before.flatMap((score) =>
    scaled([score], (id) => factors[score.language]! * (1 + 0.001 * (Number(id) % 3))),
  );
}

const trained = after({ eng: 1.001, zho: 1.02, swh: 0.5, yor: 0.75, fin: 1.1 });
const full = after({ eng: 1.9, zho: 1.5, swh: 0.4, yor: 0.7, fin: 1.2 });

describe('compare', () => {
  const result = compare({
    before,
    after: trained,
    roles: languages,
    bound: 0.01,
    reference: { name: 'ct', after: full },
    resamples: 500,
  });
  const row = (language: string): (typeof result.languages)[number] =>
    result.languages.find((l) => l.language === language)!;

  it('gives each language its change and interval', () => {
    expect(result.languages.map(({ language }) => language)).toEqual(Object.keys(languages));
    const { change, ci95, relativeChange, ...swh } = row('swh');
    expect(swh).toMatchObject({ role: 'new', documents: 30, bytes: 7350, fewDocuments: false });
    expect(swh.after - swh.before).toBeCloseTo(change, 12);
    expect(relativeChange).toBeCloseTo(swh.after / swh.before - 1, 12);
    expect(ci95[0]).toBeLessThan(change);
    expect(ci95[1]).toBeGreaterThan(change);
  });

  it('names the worst old language and does not call it kept', () => {
    expect(result.retention).toMatchObject({ worstLanguage: 'zho', bound: 0.01, kept: false });
    expect(result.retention!.relativeChange).toBeCloseTo(0.021, 3);
    const kept = Object.fromEntries(result.retention!.languages!.map((l) => [l.language, l.kept]));
    expect(kept).toEqual({ eng: true, zho: false });
  });

  it('averages the gain over new languages and sets it against the reference', () => {
    const mean = -(row('swh').change + row('yor').change) / 2;
    expect(result.gain!.mean).toBeCloseTo(mean, 12);
    const reference = compare({ before, after: full, roles: languages, resamples: 10 });
    expect(result.gain!.ratio!.value).toBeCloseTo(mean / reference.gain!.mean, 12);
    expect(result.gain!.ratio!.ci95[0]).toBeLessThan(result.gain!.ratio!.value);
    expect(result.gain!.ratio!.ci95[1]).toBeGreaterThan(result.gain!.ratio!.value);
    expect(result.transfer!.mean).toBeCloseTo(-row('fin').change, 12);
  });

  it('finds the document that lost most', () => {
    const one = before.flatMap((score) =>
      scaled([score], (id) => (score.language === 'eng' && id === '7' ? 2 : 1)),
    );
    const { languages: rows } = compare({ before, after: one, roles: languages, resamples: 10 });
    // 170 bytes at 2.2 bits
    expect(rows[0]!.worstDocument).toEqual({ id: '7', bits: expect.closeTo(374, 9) });
  });

  it('leaves out what there is none of', () => {
    const eng = (scores: typeof before): typeof before => scores.filter(({ language }) => language === 'eng');
    expect(
      compare({ before: eng(before), after: eng(trained), roles: { eng: 'old' }, resamples: 10 }),
    ).toMatchObject({ gain: null, transfer: null, bootstrap: { unit: 'document', resamples: 10, seed: 0 } });
  });

  it('refuses languages without a role, roles without text, and documents that only one side has', () => {
    const { eng: _, ...roles } = languages;
    expect(() => compare({ before, after: trained, roles: { ...roles, xyz: 'old' } })).toThrow(
      /roles\.eng[\s\S]*roles\.xyz/,
    );
    const stray = scoreOf('0', 'xyz', 10, 1);
    expect(() => compare({ before, after: [...trained, stray], roles: languages })).toThrow(/'0' \(xyz\)/);
  });
});
