import type { Report, ReportMethod } from '../../schema/report.ts';
import { type Html, html } from '../html.ts';
import { nameOf } from '../languages.ts';
import { figure } from '../plots/figure.ts';
import { type HeatCell, heatMap } from '../plots/heat-map.ts';
import type { Draw } from '../plots/render-svg.ts';
import type { MethodSummary } from '../summarize.ts';

interface Gated {
  readonly method: MethodSummary;
  readonly run: ReportMethod;
  readonly gates: NonNullable<ReportMethod['gates']>;
}

/** `model.layers.3.mlp` → `layer 3` */
function layerName(site: string): string {
  const number = site.match(/\.(\d+)\./)?.[1];
  return number === undefined ? site : `layer ${number}`;
}

function codesOf(report: Report, gates: Gated['gates']): string[] {
  const measured = new Set(Object.values(gates).flatMap((byLanguage) => Object.keys(byLanguage)));
  const known = report.languages.map(({ code }) => code).filter((code) => measured.has(code));
  return [...known, ...[...measured].filter((code) => !known.includes(code))];
}

function weights(draw: Draw, report: Report, { method, run, gates }: Gated): Promise<Html> | null {
  const codes = codesOf(report, gates);
  const cells: HeatCell[] = Object.entries(gates).flatMap(([site, byLanguage]) =>
    codes.flatMap((code) => {
      const share = byLanguage[code]?.meanBaseWeight;
      return share === undefined
        ? []
        : [{ row: layerName(site), group: nameOf(report, code), column: 'p', share }];
    }),
  );
  // a gate that is always 1 or always 0 is not shown
  if (cells.length === 0 || cells.every(({ share }) => share === cells[0]!.share)) return null;
  const means = codes.map((code) => {
    const own = cells.filter(({ group }) => group === nameOf(report, code)).map(({ share }) => share);
    return `${nameOf(report, code)} ${(own.reduce((a, b) => a + b, 0) / own.length).toFixed(2)}`;
  });
  const plot = heatMap({
    id: `gate-${method.name}`,
    title: `Weight of the base in ${method.label}`,
    description: `Mean over the layers: ${means.join(', ')}.`,
    rows: Object.keys(gates).map(layerName).reverse(),
    groups: codes.map((code) => nameOf(report, code)),
    columns: ['p'],
    cells,
    cellWidth: 58,
  });
  return figure(
    draw,
    plot,
    html`<strong>${method.label}</strong>, seed ${run.seed}: mean weight p of the base`,
  );
}

function loads(draw: Draw, report: Report, { method, run, gates }: Gated): Promise<Html> | null {
  const codes = codesOf(report, gates);
  const numExperts = Math.max(
    ...Object.values(gates).flatMap((byLanguage) =>
      Object.values(byLanguage).map(({ expertLoad }) => expertLoad?.length ?? 0),
    ),
  );
  if (numExperts < 2) return null;
  const cells: HeatCell[] = Object.entries(gates).flatMap(([site, byLanguage]) =>
    codes.flatMap((code) =>
      (byLanguage[code]?.expertLoad ?? []).map((share, expert) => {
        return { row: layerName(site), group: nameOf(report, code), column: `${expert}`, share };
      }),
    ),
  );
  const most = Math.max(...cells.map(({ share }) => share));
  const plot = heatMap({
    id: `load-${method.name}`,
    title: `Expert load in ${method.label}`,
    description: `Shares of the tokens of each language by layer and expert; the largest is ${most.toFixed(2)}, an even one ${(1 / numExperts).toFixed(2)}.`,
    rows: Object.keys(gates).map(layerName).reverse(),
    groups: codes.map((code) => nameOf(report, code)),
    columns: Array.from({ length: numExperts }, (_, expert) => `${expert}`),
    cells,
    cellWidth: 32,
  });
  return figure(
    draw,
    plot,
    html`<strong>${method.label}</strong>, seed ${run.seed}: load of experts 0 … ${numExperts - 1}, even would be ${(1 / numExperts).toFixed(2)}`,
  );
}

/** Heat maps of gate weights and of expert loads, layer by language. */
export async function gates(
  draw: Draw,
  report: Report,
  methods: readonly MethodSummary[],
): Promise<Html | null> {
  const gated = methods.flatMap((method): Gated[] => {
    const run = method.runs.find((candidate) => candidate.gates !== undefined);
    return run === undefined ? [] : [{ method, run, gates: run.gates! }];
  });
  const weightMaps = (await Promise.all(gated.map((one) => weights(draw, report, one)))).filter(
    (map) => map !== null,
  );
  const loadMaps = (await Promise.all(gated.map((one) => loads(draw, report, one)))).filter(
    (map) => map !== null,
  );
  if (weightMaps.length === 0 && loadMaps.length === 0) return null;
  return html`<section><h2>Gate and experts, layer by language</h2>
${
  weightMaps.length > 0 &&
  html`<p>p is the weight of the frozen base in a layer's output: 1 is the base alone, 0 the experts alone. A gate that works shows
high values under old languages and low ones under new languages. High values everywhere mean that it closed for all, which looks
like good retention and is not.</p><div class="flow">${weightMaps}</div>`
}
${
  loadMaps.length > 0 &&
  html`<p>Expert load: the share of a language's tokens that a layer's router sends to each expert. A column near 0 in every row is an
expert that hardly works.</p><div class="flow">${loadMaps}</div>`
}</section>`;
}
