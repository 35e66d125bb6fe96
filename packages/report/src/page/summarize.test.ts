import { describe, expect, it } from 'vitest';
import { syntheticReport } from '../testing/synthetic-report.ts';
import { compact, duration, percentChange, percentInterval, signed } from './format.ts';
import { escapeHtml, html } from './html.ts';
import { placeLabels } from './plots/place-labels.ts';
import { summarize } from './summarize.ts';

describe('summarize', () => {
  it('groups runs by method and averages their seeds', () => {
    const report = syntheticReport([0, 1]);
    const methods = summarize(report);
    expect(methods.map(({ name, runs }) => [name, runs.length])).toContainEqual(['moe-ct', 2]);
    const guarded = methods.find(({ name }) => name === 'moe-ct')!;
    expect(guarded.worstOld).toMatchObject({ language: 'eng_Latn' });
    expect(guarded.worstOld!.relativeChange).toBeCloseTo((0.0039 * (1 + 1.05)) / 2, 12);
    expect(guarded.worstOld!.seeds.map(({ seed }) => seed)).toEqual([0, 1]);
    expect(guarded.gainRatio).toMatchObject({ against: 'ct', ci95: null });
  });

  it('works out a gain ratio that the report lacks', () => {
    const report = syntheticReport();
    const methods = report.methods.map(({ gain: _, ...method }) => method);
    const lora = summarize({ ...report, methods }).find(({ name }) => name === 'lora-ct')!;
    expect(lora.gainRatio!.value).toBeCloseTo(0.825, 9);
    expect(summarize({ ...report, methods: methods.slice(2) })[0]!.gainRatio).toBeNull();
  });
});

describe('text', () => {
  it('escapes what is inserted, once', () => {
    const inner = html`<b>${'<&"'}</b>`;
    expect(html`<p>${inner}${[1, 'a<', null, false]}</p>`.markup).toBe('<p><b>&lt;&amp;&quot;</b>1a&lt;</p>');
    expect(escapeHtml("'")).toBe('&#39;');
  });

  it('writes numbers for people', () => {
    expect([percentChange(0.00386), percentChange(-0.0731), percentChange(0.906)]).toEqual([
      '+0.39\u00a0%',
      '\u22127.3\u00a0%',
      '+91\u00a0%',
    ]);
    expect(percentInterval([-0.001, 0.0122])).toBe('[\u22120.10, +1.22]\u00a0%');
    expect([signed(-0.001, 2), signed(0.001, 2)]).toEqual(['0.00', '0.00']);
    expect([compact(1_369_728), compact(2100, 'B'), compact(999_600), compact(12)]).toEqual([
      '1.37\u00a0M',
      '2.10\u00a0kB',
      '1.00\u00a0M',
      '12',
    ]);
    expect([duration(59.6), duration(231), duration(7260)]).toEqual([
      '60\u00a0s',
      '3\u00a0min 51\u00a0s',
      '2\u00a0h 1\u00a0min',
    ]);
  });
});

describe('placeLabels', () => {
  it('keeps labels of close points apart and inside', () => {
    const size = { width: 300, height: 200 };
    const points = [
      { x: 280, y: 50, text: 'Full training' },
      { x: 270, y: 54, text: 'Full + replay' },
    ];
    const [first, second] = placeLabels(points, size);
    expect(first!.align).not.toBe('left');
    expect(second!.align).not.toBe('left');
    expect(second).not.toEqual(first);
  });
});
