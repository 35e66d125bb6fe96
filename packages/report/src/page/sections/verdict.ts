import type { Report } from '../../schema/report.ts';
import { compact, decimal, percent, percentChange, percentInterval, plural, signed } from '../format.ts';
import { type Html, html } from '../html.ts';
import { nameOf } from '../languages.ts';
import type { MethodSummary } from '../summarize.ts';

function forgettingCell(report: Report, { worstOld }: MethodSummary): Html {
  if (worstOld === null) return html`<td>not measured</td>`;
  const { language, relativeChange, seeds } = worstOld;
  const [only] = seeds;
  const detail =
    seeds.length === 1
      ? percentInterval(only!.ci95)
      : `seeds ${seeds.map((seed) => percentChange(seed.relativeChange)).join(', ')}`;
  return html`<td><strong>${percentChange(relativeChange)}</strong> ${nameOf(report, language)}<small>${detail}</small></td>`;
}

function gainCell({ gain, gainRatio, name }: MethodSummary, labels: ReadonlyMap<string, string>): Html {
  if (gain === null) return html`<td>not measured</td>`;
  const ratio =
    gainRatio === null || gainRatio.against === name
      ? null
      : html`<small>${percent(gainRatio.value)} of ${labels.get(gainRatio.against) ?? gainRatio.against}${gainRatio.ci95 && ` ${percentInterval(gainRatio.ci95).replaceAll('+', '')}`}</small>`;
  return html`<td><strong>${decimal(gain, 2)}</strong> bits per byte${ratio}</td>`;
}

function equalCell(report: Report, { runs }: MethodSummary): Html {
  const old = report.languages.filter(({ role }) => role === 'old').map(({ code }) => code);
  const { logits, baseOnlyShare, mixtureBound } = runs[0]!;
  const shares = old.flatMap((code) => {
    const share = logits?.[code]?.bitEqualShare ?? baseOnlyShare?.[code];
    return share === undefined ? [] : [share];
  });
  const bound =
    mixtureBound &&
    html`<small>worst document ${signed(mixtureBound.worst, 2)} bits, proven bound +${mixtureBound.bound.toFixed(2)}</small>`;
  const share = shares.length === 0 ? '–' : percent(Math.min(...shares), 1);
  return html`<td>${share}${bound}</td>`;
}

function methodRow(report: Report, summary: MethodSummary, labels: ReadonlyMap<string, string>): Html {
  const { label, runs, color } = summary;
  const [run] = runs as [(typeof runs)[number]];
  const rate = run.learningRate === undefined ? '' : `, learning rate ${run.learningRate}`;
  const replay = run.replayShare === undefined ? '' : `, ${percent(run.replayShare)} replay`;
  return html`<tr>
<th scope="row"><span class="dot" style="--own: var(--series-${color % 8})"></span>${label}${run.description && html`<small>${run.description}</small>`}</th>
${forgettingCell(report, summary)}${gainCell(summary, labels)}${equalCell(report, summary)}
<td>${compact(run.trainableParameters)}${run.packBytes !== undefined && html`<small>${compact(run.packBytes, 'B')} to ship</small>`}</td>
<td>${compact(run.trainedTokens)}<small>${compact(run.tokensPerSecond)} a second${rate}${replay}</small></td>
</tr>`;
}

/** One line per method: forgetting, gain and cost. */
export function verdict(report: Report, methods: readonly MethodSummary[]): Html {
  const seeds = Math.max(...methods.map(({ runs }) => runs.length));
  const labels = new Map(methods.map(({ name, label }) => [name, label]));
  const averaged =
    seeds > 1 ? ` Averages over ${plural(seeds, 'seed')}; each seed is listed further down.` : '';
  return html`<section><h2>What each method kept and gained</h2>
<p>Bits per byte say how many bits a model needs for one byte of held-out text: lower is better. <em>Forgetting</em> is
the relative rise on the old language that suffered most; <em>gain</em> is the fall on the new languages, averaged over
them. In brackets: 95 % intervals.${averaged}</p>
<div class="scroll"><table class="methods">
<thead><tr><th scope="col">Method</th><th scope="col">Forgetting, worst old language</th><th scope="col">Gain on new languages</th><th scope="col">Old tokens exactly as the base</th><th scope="col">Trained parameters</th><th scope="col">Trained tokens</th></tr></thead>
<tbody>${methods.map((summary) => methodRow(report, summary, labels))}</tbody></table></div></section>`;
}
