import type { Report, ReportLanguage } from '../../schema/report.ts';
import { compact, decimal, percentChange, percentInterval, plural, signed } from '../format.ts';
import { type Html, html } from '../html.ts';
import { nameOf, ROLE_NAMES, ROLES } from '../languages.ts';
import { type MethodSummary, relativeInterval, type ScoreSummary } from '../summarize.ts';

function spread({ seeds, hasInterval }: ScoreSummary): string {
  const [only] = seeds;
  if (!hasInterval) return 'one document: no interval';
  if (seeds.length === 1) return percentInterval(only!.ci95);
  const changes = seeds.map(({ relativeChange }) => relativeChange);
  const [low, high] = [percentChange(Math.min(...changes)), percentChange(Math.max(...changes))];
  return low === high ? 'the same in every seed' : `${low} … ${high}`;
}

function cell(code: string, { scores, worstOld }: MethodSummary): Html {
  const score = scores.get(code);
  if (score === undefined) return html`<td>–</td>`;
  const worst = worstOld?.language === code;
  return html`<td class="${worst ? 'worst' : ''}"><strong>${percentChange(score.relativeChange)}</strong>${worst && html` <span class="badge">worst</span>`}<small><span>${spread(score)}</span><br>to ${decimal(score.after, 3)}</small></td>`;
}

function row(report: Report, language: ReportLanguage, methods: readonly MethodSummary[]): Html {
  const { code, heldOutDocuments, heldOutBytes, domain, trainedTokens } = language;
  const name = nameOf(report, code);
  const before = methods.flatMap(({ scores }) => scores.get(code)?.before ?? [])[0];
  const held = `${plural(heldOutDocuments, 'document')}, ${compact(heldOutBytes, 'B')}`;
  const trained = trainedTokens > 0 ? `; trained on ${compact(trainedTokens)} tokens` : '';
  return html`<tr><th scope="row">${name}${name !== code && html` <code>${code}</code>`}<small>${domain && `${domain}: `}${held}${trained}</small></th>
<td>${before === undefined ? '–' : decimal(before, 3)}</td>${methods.map((method) => cell(code, method))}</tr>`;
}

function everySeed(report: Report): Html {
  const rows = report.methods.flatMap(({ name, label, seed, bitsPerByte }) =>
    Object.entries(bitsPerByte).map(
      ([
        code,
        score,
      ]) => html`<tr><th scope="row">${label ?? name}</th><td>${seed}</td><td>${nameOf(report, code)}</td>
<td>${decimal(score.before, 3)}</td><td>${decimal(score.after, 3)}</td><td>${signed(score.change, 3)}</td><td>[${signed(score.ci95[0], 3)}, ${signed(score.ci95[1], 3)}]</td><td>${score.hasInterval === false ? 'one document' : percentInterval(relativeInterval(score))}</td></tr>`,
    ),
  );
  return html`<details><summary>Every seed and language, with intervals in bits per byte</summary><div class="scroll"><table>
<thead><tr><th scope="col">Method</th><th scope="col">Seed</th><th scope="col">Language</th><th scope="col">Before</th><th scope="col">After</th><th scope="col">Change</th><th scope="col">95 % interval</th><th scope="col">Relative</th></tr></thead>
<tbody>${rows}</tbody></table></div></details>`;
}

/** Bits per byte of every language before and after, method by method. */
export function scoresTable(report: Report, methods: readonly MethodSummary[]): Html {
  const groups = ROLES.map((role) => {
    const languages = report.languages.filter((language) => language.role === role);
    if (languages.length === 0) return null;
    return html`<tbody><tr class="group"><th scope="rowgroup" colspan="${methods.length + 2}">${ROLE_NAMES[role]}</th></tr>${languages.map((language) => row(report, language, methods))}</tbody>`;
  });
  const many = methods.some(({ runs }) => runs.length > 1);
  return html`<section><h2>Bits per byte, before and after</h2>
<p>Each cell: the relative change, ${many ? 'its range over the seeds (or the 95 % interval of a single one)' : 'its 95 % interval'}, and the bits per byte after training. The old language that each method hurt most is marked.</p>
<div class="scroll"><table class="scores">
<thead><tr><th scope="col">Language, held-out text</th><th scope="col">Base</th>${methods.map(({ label }) => html`<th scope="col">${label}</th>`)}</tr></thead>
${groups}</table></div>${everySeed(report)}</section>`;
}
