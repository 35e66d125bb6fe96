import { beforeAll, describe, expect, it } from 'vitest';
import { parseReport } from '../schema/parse-report.ts';
import type { Report } from '../schema/report.ts';
import { syntheticReport } from '../testing/synthetic-report.ts';
import { loadDraw, type PlotPackages } from './plots/render-svg.ts';
import { renderPage, renderReport } from './render-report.ts';

const count = (page: string, pattern: RegExp): number => (page.match(pattern) ?? []).length;

describe('renderReport', () => {
  let page: string;
  beforeAll(async () => {
    page = await renderReport(parseReport(syntheticReport()));
    // the drawing library is large to load on a busy machine
  }, 60_000);

  it('is one page that asks nobody for anything', () => {
    expect(page.startsWith('<!doctype html>')).toBe(true);
    // the namespaces of SVG are names, not requests
    const links = page.replace(/xmlns(:xlink)?="[^"]*"/g, '');
    expect(count(links, /https?:|<script|<link|<img|@import|url\(/g)).toBe(0);
  });

  it('draws every plot with a title and a description, each id once', () => {
    // frontier twice, six losses, gate, load, posterior
    expect(count(page, /<svg class="plot"/g)).toBe(11);
    expect(count(page, /<title id=/g)).toBe(11);
    expect(count(page, /<desc id=/g)).toBe(11);
    const ids = [...page.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(count(page, /NaN|undefined|Infinity|\[object/g)).toBe(0);
  });

  it('closes what it opens', () => {
    for (const tag of ['section', 'table', 'tr', 'td', 'th', 'figure', 'svg', 'g', 'div', 'ul', 'small']) {
      expect(count(page, new RegExp(`<${tag}[ >]`, 'g')), tag).toBe(
        count(page, new RegExp(`</${tag}>`, 'g')),
      );
    }
  });

  it('takes its colours from the theme', () => {
    expect(page.includes('prefers-color-scheme: dark')).toBe(true);
    const drawings = page.slice(page.indexOf('<svg'));
    expect(drawings.includes('fill="color-mix(in oklab, var(--heat-low), var(--heat-high) 95.0%)"')).toBe(
      true,
    );
    expect(count(drawings, /(?:fill|stroke)="(?:#|black|white|rgb)/g)).toBe(0);
  });

  it('marks the worst old language of each method', () => {
    expect(count(page, /class="worst"/g)).toBe(6);
    expect(page.includes('+0.39\u00a0%</strong> English')).toBe(true);
  });

  it('says what the figures do not show', () => {
    expect(
      page.includes('Swahili, Yoruba, Icelandic, Quechua and Finnish have fewer than 20 held-out documents'),
    ).toBe(true);
    expect(page.includes('Forgetting was measured on English and Chinese only')).toBe(true);
    expect(page.includes('every method was run with one seed only')).toBe(true);
  });

  it('shows what models wrote as text', () => {
    expect(page.includes('the kinati &lt;b&gt;&amp; so')).toBe(true);
    expect(page.includes('kinati <b>')).toBe(false);
  });

  it('says whether the base stayed as it was', async () => {
    expect(page.includes('unchanged: SHA-256')).toBe(true);
    const report = syntheticReport();
    const changed = await renderReport({ ...report, base: { ...report.base, sha256After: 'other' } });
    expect(changed.includes('changed</strong>: SHA-256')).toBe(true);
  });

  it('averages seeds, lists each, and gives no joint interval', async () => {
    const three = await renderReport(syntheticReport([0, 1, 2]));
    expect(three.includes('Averages over 3 seeds')).toBe(true);
    expect(three.includes('+0.39\u00a0% … +0.43\u00a0%')).toBe(true);
    expect(count(three, /<td>2<\/td><td>English<\/td>/g)).toBe(6);
  });

  it('says what happened and what to do next, and claims nothing that was not checked', () => {
    expect(page).toMatch(
      /<strong>[^<]+<\/strong>: It needs \d+\u00a0% fewer bits than the base for Swahili, Yoruba/,
    );
    expect(count(page, /Next: /g)).toBe(6);
    expect(count(page, /in no training set|each with the same text/g)).toBe(0);
  });

  it('of one extension has a readable scale, the verdict of its bound, names, and no speed of 0', async () => {
    const { methods, languages, ...rest } = syntheticReport();
    const [{ logits: _, ...method }] = methods.slice(1, 2) as [Report['methods'][number]];
    const judged = (kept: boolean): Report => ({
      ...rest,
      languages: languages.map(({ name: _name, ...language }) => language),
      methods: [
        {
          ...method,
          tokensPerSecond: 0,
          gain: { mean: 0.011638, ci95: [0.0116, 0.0117], fewDocuments: false },
          bitsPerByte: {
            ...method.bitsPerByte,
            eng_Latn: { ...method.bitsPerByte['eng_Latn']!, hasInterval: false },
          },
          retention: {
            ...{
              worstLanguage: 'eng_Latn',
              relativeChange: 0.0039,
              ci95: [0.002, 0.005],
              bound: 0.005,
              kept,
            },
            languages: [{ language: 'eng_Latn', upper: 0.005, pValue: 0.2, adjustedP: 0.2, kept }],
          },
        },
      ],
    });
    const small = await renderReport(parseReport(judged(false)));
    expect(count(small, /NOT kept within \+0\.50\u00a0%/g)).toBe(2);
    expect(small).toContain('not shown for English.');
    expect(small).toMatch(/>Swahili <code>swh_Latn<\/code>/);
    expect(small).toContain('one document: no interval');
    expect(count(small, /a second|exactly as the base/g)).toBe(0);
    // labels of the axes of gain
    const frontier = small.slice(small.indexOf('<svg'), small.indexOf('</svg>'));
    expect(frontier).not.toMatch(/>\.\d|>0\.\d{5}/);
    expect(frontier).toMatch(/>0</);
    const kept = await renderReport(parseReport(judged(true)));
    expect(count(kept, /NOT kept/g)).toBe(0);
    expect(kept).toContain('every old language is shown to lose less');
  });

  it('leaves out parts without data', async () => {
    const { methods, languages, bootstrap: _, ...rest } = syntheticReport();
    const bare = methods
      .slice(1, 2)
      .map(({ name, seed, trainableParameters, trainedTokens, tokensPerSecond, bitsPerByte }) => {
        const scores = Object.fromEntries(
          Object.entries(bitsPerByte).map(([code, { before, after, change, ci95 }]) => [
            code,
            { before, after, change, ci95 },
          ]),
        );
        return { name, seed, trainableParameters, trainedTokens, tokensPerSecond, bitsPerByte: scores };
      });
    const plain = languages.map(({ name: _name, domain: _domain, ...language }) => language);
    const report: Report = parseReport({ ...rest, methods: bare, languages: plain });
    const small = await renderReport(report);
    expect(count(small, /<svg class="plot"/g)).toBe(2);
    expect(count(small, /Training loss|Gate and experts|Samples|NaN|undefined/g)).toBe(0);
    expect(small.includes('eng_Latn')).toBe(true);
    const empty = await renderReport({ ...report, methods: [] });
    expect(empty.includes('The report holds no method.')).toBe(true);
  });
});

describe('without the plotting packages', () => {
  it('has the tables, no plot, and one line on what to install', async () => {
    const page = await renderPage(parseReport(syntheticReport()), null);
    expect(count(page, /<svg|<figure|class="legend"/g)).toBe(0);
    expect(count(page, /npm install vega vega-lite/g)).toBe(1);
    expect([...page.matchAll(/<h2>([^<]*)</g)].map(([, title]) => title)).toEqual([
      'What each method kept and gained',
      'Bits per byte, before and after',
      'What these figures do not show',
      'Samples',
      'The run',
    ]);
    expect(count(page, /<table/g)).toBe(3);
    expect(page.includes('+0.39\u00a0%</strong> English')).toBe(true);
  });

  it('asks for nothing where there is nothing to draw', async () => {
    const page = await renderPage({ ...syntheticReport(), methods: [] }, null);
    expect(page.includes('npm install')).toBe(false);
  });

  const packages = (error: Error): PlotPackages => ({
    vega: () => Promise.reject(error),
    vegaLite: () => import('vega-lite'),
  });
  const coded = (message: string): Error =>
    Object.assign(new Error(message), { code: 'ERR_MODULE_NOT_FOUND' });

  it.each([
    ['Node', coded("Cannot find package 'vega' imported from /x/render-svg.js")],
    ['a browser', new TypeError("Failed to resolve module specifier 'vega'")],
  ])('draws nothing where %s does not find one', async (_where, error) => {
    expect(await loadDraw(packages(error))).toBeNull();
  });

  it.each([
    [
      'one that lacks a part of its own',
      coded("Cannot find package 'd3-array' imported from /vega/index.js"),
    ],
    ['one that fails', new SyntaxError('Unexpected token')],
  ])('does not hide %s', async (_what, error) => {
    await expect(loadDraw(packages(error))).rejects.toBe(error);
  });
});
