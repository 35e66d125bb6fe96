import type { Report } from '../../schema/report.ts';
import { type Html, html } from '../html.ts';
import { DASH_PATTERNS, languageStyles } from '../languages.ts';
import { figure, legend } from '../plots/figure.ts';
import { linePlot } from '../plots/lines.ts';
import type { Draw } from '../plots/render-svg.ts';
import type { MethodSummary } from '../summarize.ts';

/** How fast the mixture decides between base and pack. */
export async function posterior(
  draw: Draw,
  report: Report,
  methods: readonly MethodSummary[],
): Promise<Html | null> {
  const styles = languageStyles(report);
  const shown = methods.flatMap(({ name, label, runs }) => {
    const run = runs.find((candidate) => (candidate.posterior?.length ?? 0) > 0);
    return run === undefined ? [] : [{ name, label, seed: run.seed, curves: run.posterior! }];
  });
  if (shown.length === 0) return null;
  const used = new Set<string>();
  const plots = shown.map(({ name, label, seed, curves }) => {
    const series = curves.map(({ language, median, low, high }) => {
      used.add(language);
      const style = styles.get(language) ?? { label: language, color: 7, dash: 'solid' as const };
      return {
        label: style.label,
        color: `var(--series-${style.color % 8})`,
        dash: DASH_PATTERNS[style.dash],
        points: median.map((value, i) => [i, value] as const),
        band: median.map((_, i) => [i, low[i]!, high[i]!] as const),
      };
    });
    const ends = series.map((s) => `${s.label} ${s.points.at(-1)?.[1].toFixed(2)}`);
    const plot = linePlot({
      id: `posterior-${name}`,
      title: `Posterior of the base in ${label}`,
      description: `After ${Math.max(...curves.map(({ median }) => median.length)) - 1} tokens: ${ends.join(', ')}.`,
      series,
      xTitle: 'tokens of the document read',
      yTitle: 'probability of the base',
      yDomain: [-0.02, 1.02],
    });
    return figure(draw, plot, html`<strong>${label}</strong>, seed ${seed}`);
  });
  const entries = [...used].map((code) => styles.get(code) ?? { label: code, color: 7 });
  return html`<section><h2>Base or pack: how soon the mixture knows</h2>
<p>The mixture weighs base and pack by how well each predicted the document so far. Lines: median over the documents; bands:
the middle 80 %. It is told no language.</p>${legend(entries)}<div class="grid">${await Promise.all(plots)}</div></section>`;
}
