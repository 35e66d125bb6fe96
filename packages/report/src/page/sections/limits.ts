import type { Report } from '../../schema/report.ts';
import { compact, listed, plural } from '../format.ts';
import { type Html, html } from '../html.ts';
import { nameOf } from '../languages.ts';
import type { MethodSummary } from '../summarize.ts';

function sizeLimit(report: Report): string {
  const { languages } = report;
  const bytes = languages.map(({ heldOutBytes }) => heldOutBytes);
  const few = languages.filter(({ heldOutDocuments }) => heldOutDocuments < 20);
  const range =
    Math.min(...bytes) === Math.max(...bytes)
      ? compact(bytes[0]!, 'B')
      : `${compact(Math.min(...bytes), 'B')} to ${compact(Math.max(...bytes), 'B')}`;
  const warning =
    few.length === 0
      ? ''
      : ` ${listed(few.map(({ code }) => nameOf(report, code)))} ${few.length === 1 ? 'has' : 'have'} fewer than 20 held-out documents: their intervals are rough and can be too narrow.`;
  return `Test sets are ${range} of text a language.${warning}`;
}

function domainLimit({ languages }: Report): string {
  const domains = [
    ...new Set(languages.flatMap(({ role, domain }) => (role === 'new' && domain ? [domain] : []))),
  ];
  if (domains.length === 0) {
    return 'Gains were measured on the text given. Whether it resembles the text that was trained on, and shares no document with it, is not checked here: gains are real only on text that training did not see, and mostly stay in its domain.';
  }
  return `Gains were measured on ${listed(domains)}, which is like the text that was trained on. Gains mostly stay in such a domain; on other kinds of text in the same language they can be much smaller, or losses.`;
}

function oldLimit(report: Report): string {
  const old = report.languages.filter(({ role }) => role === 'old').map(({ code }) => nameOf(report, code));
  if (old.length === 0) return 'No old language was measured: nothing here says what was forgotten.';
  return `Forgetting was measured on ${listed(old)} only. Other languages and skills of the base, and other kinds of text in these, were not looked at.`;
}

function seedLimit(report: Report, methods: readonly MethodSummary[]): string {
  const counts = methods.map(({ runs }) => runs.length);
  const { bootstrap } = report;
  const unit = bootstrap?.unit === 'cluster' ? 'clusters of documents that belong together' : 'documents';
  const how = `Intervals come from ${bootstrap === undefined ? 'resampling' : `${bootstrap.resamples.toLocaleString('en')} resamples (seed ${bootstrap.seed}) of`} ${bootstrap === undefined ? 'documents' : unit}, paired with the base. They show how much the choice of test text matters, not how much a run varies with its random seed`;
  if (Math.min(...counts) === 1)
    return `${how}: ${Math.max(...counts) === 1 ? 'every method' : 'at least one method'} was run with one seed only.`;
  return `${how}; for that compare the ${plural(Math.min(...counts), 'seed')}.`;
}

/** Limits of the figures, in plain words. */
export function limits(report: Report, methods: readonly MethodSummary[]): Html {
  const items = [
    domainLimit(report),
    sizeLimit(report),
    oldLimit(report),
    report.languages.some(({ role }) => role === 'unseen')
      ? null
      : 'No language outside training was measured. Behind a learned gate such languages tend to be treated like the new ones.',
    seedLimit(report, methods),
    'Bits per byte measure how well text is predicted. They are not the accuracy of answers, nor the quality of what the model writes.',
    ...(report.notes ?? []),
  ];
  return html`<section><h2>What these figures do not show</h2><ul>${items.map((item) => item !== null && html`<li>${item}</li>`)}</ul></section>`;
}
