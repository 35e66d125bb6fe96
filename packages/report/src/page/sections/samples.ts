import type { Report } from '../../schema/report.ts';
import { type Html, html } from '../html.ts';
import { nameOf } from '../languages.ts';
import type { MethodSummary } from '../summarize.ts';

/** Continuations before and after training. */
export function samples(report: Report, methods: readonly MethodSummary[]): Html | null {
  const shown = methods.flatMap(({ label, runs }) => {
    const run = runs.find((candidate) => (candidate.samples?.length ?? 0) > 0);
    return run === undefined ? [] : [{ label, samples: run.samples! }];
  });
  if (shown.length === 0) return null;
  const groups = shown.map(
    ({ label, samples: list }) =>
      html`<h3>${label}</h3><div class="samples">${list.map(
        ({ language, prompt, before, after }) => html`<article><h4>${nameOf(report, language)}</h4>
<p><span class="tag">base</span> <b>${prompt}</b>${before}</p><p><span class="tag">after</span> <b>${prompt}</b>${after}</p></article>`,
      )}</div>`,
  );
  return html`<section><h2>Samples</h2><p>Continuations of a prompt (bold). Samples show a flavour; the tables above are the
measurement.</p>${groups}</section>`;
}
