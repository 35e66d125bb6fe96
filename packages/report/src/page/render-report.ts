import type { Report } from '../schema/report.ts';
import { compact, listed, plural } from './format.ts';
import { type Html, html, raw } from './html.ts';
import { nameOf } from './languages.ts';
import { pageStyle } from './page-style.ts';
import { type Draw, loadDraw } from './plots/render-svg.ts';
import { frontier } from './sections/frontier.ts';
import { gates } from './sections/gates.ts';
import { inWords } from './sections/in-words.ts';
import { limits } from './sections/limits.ts';
import { losses } from './sections/losses.ts';
import { posterior } from './sections/posterior.ts';
import { runFacts } from './sections/run-facts.ts';
import { samples } from './sections/samples.ts';
import { scoresTable } from './sections/scores-table.ts';
import { verdict } from './sections/verdict.ts';
import { type MethodSummary, summarize } from './summarize.ts';

function introduction(report: Report, methods: readonly MethodSummary[]): Html {
  const names = (role: string): string[] =>
    report.languages.filter((language) => language.role === role).map(({ code }) => nameOf(report, code));
  const [fresh, old, unseen] = [names('new'), names('old'), names('unseen')];
  const id = report.base.id === undefined ? 'A base model' : `The base model ${report.base.id}`;
  return html`<header><h1>${report.title ?? 'Learning new languages, keeping the old'}</h1>
<p>${id} (${compact(report.base.parameters)} parameters) was taught ${fresh.length === 0 ? 'no new language' : listed(fresh)} by ${plural(methods.length, 'method')}.
Measured on the text given: ${old.length > 0 && `what it still knows of ${listed(old)}`}${old.length > 0 && fresh.length > 0 && ', and '}${fresh.length > 0 && 'what it learned'}${unseen.length > 0 && `; besides ${listed(unseen)}`}.</p>
${inWords(report, methods)}</header>`;
}

const NO_PLOTS: Html = html`<p>Plots are left out, because the packages vega and vega-lite are not installed here. Run <code>npm install vega vega-lite</code> and make this page again to have them.</p>`;

/** The sections in their order; null for a section without data or plots. */
async function sectionsOf(
  report: Report,
  methods: readonly MethodSummary[],
  draw: Draw | null,
): Promise<(Html | null)[]> {
  return [
    verdict(report, methods),
    draw === null ? NO_PLOTS : await frontier(draw, methods),
    scoresTable(report, methods),
    limits(report, methods),
    draw && (await losses(draw, report, methods)),
    draw && (await gates(draw, report, methods)),
    draw && (await posterior(draw, report, methods)),
    samples(report, methods),
  ];
}

/** The page with plots made by `draw`; without plots if it is null. */
export async function renderPage(report: Report, draw: Draw | null): Promise<string> {
  const methods = summarize(report);
  const sections =
    methods.length === 0
      ? [html`<p>The report holds no method.</p>`]
      : await sectionsOf(report, methods, draw);
  const body = [introduction(report, methods), sections, runFacts(report)];
  return html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"><title>${report.title ?? 'moect report'}</title>
<style>${raw(pageStyle)}</style></head>
<body><main>${body}</main></body></html>
`.markup;
}

/**
 * `report.html`: one self-contained page without scripts or outside requests, light and dark, for wide and narrow
 * screens. Parts for which the report has no data are left out. Plots need the packages `vega` and `vega-lite`; where
 * they are not installed the page has its tables, and says so.
 */
export async function renderReport(report: Report): Promise<string> {
  return renderPage(report, await loadDraw());
}
