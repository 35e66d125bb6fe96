import type { Report } from '../../schema/report.ts';
import { bitEqualShare } from '../bit-equal.ts';
import { compact, decimal, percent, percentChange, percentInterval, plural, signed } from '../format.ts';
import { type Html, html } from '../html.ts';
import { nameOf } from '../languages.ts';
import type { MethodSummary } from '../summarize.ts';

function forgettingCell(report: Report, summary: MethodSummary): Html {
  const { worstOld } = summary;
  if (worstOld === null) return html`<td>not measured</td>`;
  const { language, relativeChange, seeds, hasInterval } = worstOld;
  const [only] = seeds;
  const detail = !hasInterval
    ? 'one document: no interval'
    : seeds.length === 1
      ? percentInterval(only!.ci95)
      : `seeds ${seeds.map((seed) => percentChange(seed.relativeChange)).join(', ')}`;
  return html`<td><strong>${percentChange(relativeChange)}</strong> ${nameOf(report, language)}<small>${detail}</small>${boundText(summary)}</td>`;
}

function gainCell({ gain, gainRatio, name }: MethodSummary, labels: ReadonlyMap<string, string>): Html {
  if (gain === null) return html`<td>not measured</td>`;
  const ratio =
    gainRatio === null || gainRatio.against === name
      ? null
      : html`<small>${percent(gainRatio.value)} of ${labels.get(gainRatio.against) ?? gainRatio.against}${gainRatio.ci95 && ` ${percentInterval(gainRatio.ci95).replaceAll('+', '')}`}</small>`;
  return html`<td><strong>${decimal(gain, 2)}</strong> bits per byte${ratio}</td>`;
}

/** Behind a mixture old tokens never see the logits of the pack alone; what counts there is its bound. */
function equalCell(report: Report, { runs }: MethodSummary): Html {
  const { baseOnlyShare, mixtureBound } = runs[0]!;
  const old = report.languages.filter(({ role }) => role === 'old').map(({ code }) => code);
  const shares = old.flatMap((code) => baseOnlyShare?.[code] ?? []);
  const bound =
    mixtureBound &&
    html`<small>worst document ${signed(mixtureBound.worst, 2)} bits, proven bound +${mixtureBound.bound.toFixed(2)}</small>`;
  const alone =
    shares.length > 0 &&
    html`<small>${percent(Math.min(...shares), 1)} or more predicted by the base alone</small>`;
  const equal = bitEqualShare(report, runs);
  const share = mixtureBound ? 'mixed' : equal === null ? '–' : percent(equal, 1);
  return html`<td>${share}${alone}${bound}</td>`;
}

const hasEqualCell = ({ runs }: MethodSummary): boolean =>
  runs.some(({ logits, mixtureBound }) => logits !== undefined || mixtureBound !== undefined);

/** Kept or not within the bound that was asked for; nothing where none was. */
function boundText({ runs }: MethodSummary): Html | null {
  const judged = runs.flatMap(({ retention }) => (retention?.bound === undefined ? [] : [retention]));
  if (judged.length === 0) return null;
  const bound = percentChange(judged[0]!.bound!);
  return judged.every(({ kept }) => kept === true)
    ? html`<small>kept within ${bound}</small>`
    : html`<small class="bad">NOT kept within ${bound}</small>`;
}

function methodRow(
  report: Report,
  summary: MethodSummary,
  labels: ReadonlyMap<string, string>,
  showEqual: boolean,
): Html {
  const { label, runs, color } = summary;
  const [run] = runs as [(typeof runs)[number]];
  // a report of packs does not know how fast they were made
  const facts = [
    ...(run.tokensPerSecond > 0 ? [`${compact(run.tokensPerSecond)} a second`] : []),
    ...(run.learningRate === undefined ? [] : [`learning rate ${run.learningRate}`]),
    ...(run.replayShare === undefined ? [] : [`${percent(run.replayShare)} replay`]),
  ];
  return html`<tr>
<th scope="row"><span class="dot" style="--own: var(--series-${color % 8})"></span>${label}${run.description && html`<small>${run.description}</small>`}</th>
${forgettingCell(report, summary)}${gainCell(summary, labels)}${showEqual && equalCell(report, summary)}
<td>${compact(run.trainableParameters)}${run.packBytes !== undefined && html`<small>${compact(run.packBytes, 'B')} to ship</small>`}</td>
<td>${compact(run.trainedTokens)}${facts.length > 0 && html`<small>${facts.join(', ')}</small>`}</td>
</tr>`;
}

/** One line per method: forgetting, gain and cost. */
export function verdict(report: Report, methods: readonly MethodSummary[]): Html {
  const seeds = Math.max(...methods.map(({ runs }) => runs.length));
  const labels = new Map(methods.map(({ name, label }) => [name, label]));
  const showEqual = methods.some(hasEqualCell);
  const averaged =
    seeds > 1 ? ` Averages over ${plural(seeds, 'seed')}; each seed is listed further down.` : '';
  return html`<section><h2>What each method kept and gained</h2>
<p>Bits per byte say how many bits a model needs for one byte of held-out text: lower is better. <em>Forgetting</em> is
the relative rise on the old language that suffered most; <em>gain</em> is the fall on the new languages, averaged over
them. In brackets: 95 % intervals.${averaged}</p>
<div class="scroll"><table class="methods">
<thead><tr><th scope="col">Method</th><th scope="col">Forgetting, worst old language</th><th scope="col">Gain on new languages</th>${showEqual && html`<th scope="col">Old tokens exactly as the base</th>`}<th scope="col">Trained parameters</th><th scope="col">Trained tokens</th></tr></thead>
<tbody>${methods.map((summary) => methodRow(report, summary, labels, showEqual))}</tbody></table></div></section>`;
}
