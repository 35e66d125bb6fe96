import type { Report } from '../../schema/report.ts';
import { compact, duration, plural } from '../format.ts';
import { type Html, html } from '../html.ts';

/** Environment and settings of the runs, and whether the base stayed unchanged. */
export function runFacts({ base, backend, seconds, peakRssBytes, bootstrap, createdAt }: Report): Html {
  const same = base.sha256Before === base.sha256After;
  const facts: [string, Html | string][] = [
    ['Base', html`${base.id && `${base.id}, `}${compact(base.parameters)} parameters`],
    [
      'Base weights',
      same
        ? html`unchanged: SHA-256 <code>${base.sha256Before}</code> before and after`
        : html`<strong class="bad">changed</strong>: SHA-256 <code>${base.sha256Before}</code> before, <code>${base.sha256After}</code> after`,
    ],
    ['Backend', `${backend.name} (${plural(backend.threads, 'thread')}): ${backend.detail}`],
    ['Time and memory', `${duration(seconds)}, at most ${compact(peakRssBytes, 'B')}`],
  ];
  if (bootstrap !== undefined) {
    const { resamples, seed, unit, level } = bootstrap;
    facts.push([
      'Intervals',
      `${Math.round(100 * level)} %, percentile bootstrap, ${resamples.toLocaleString('en')} resamples of ${unit}s, paired, seed ${seed}`,
    ]);
  }
  if (createdAt !== undefined) facts.push(['Made', createdAt]);
  return html`<section><h2>The run</h2><dl>${facts.map(([term, text]) => html`<div><dt>${term}</dt><dd>${text}</dd></div>`)}</dl></section>`;
}
