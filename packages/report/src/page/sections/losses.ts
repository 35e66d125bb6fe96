import type { Report } from '../../schema/report.ts';
import { type Html, html } from '../html.ts';
import { DASH_PATTERNS, languageStyles } from '../languages.ts';
import { figure, legend } from '../plots/figure.ts';
import { linePlot } from '../plots/lines.ts';
import type { Draw } from '../plots/render-svg.ts';
import type { MethodSummary } from '../summarize.ts';

/** Training loss by language, one plot a method (its first seed with curves), all on one scale. */
export async function losses(
  draw: Draw,
  report: Report,
  methods: readonly MethodSummary[],
): Promise<Html | null> {
  const styles = languageStyles(report);
  const shown = methods.flatMap(({ name, label, runs }) => {
    const run = runs.find((candidate) => (candidate.losses?.length ?? 0) > 0);
    return run === undefined ? [] : [{ name, label, seed: run.seed, curves: run.losses! }];
  });
  if (shown.length === 0) return null;
  const values = shown.flatMap(({ curves }) =>
    curves.flatMap(({ points }) => points.map(([, loss]) => loss)),
  );
  const yDomain = [Math.min(0, ...values), 1.03 * Math.max(...values)] as const;
  const used = new Set(shown.flatMap(({ curves }) => curves.map(({ language }) => language)));
  const plots = shown.map(({ name, label, seed, curves }) => {
    const series = curves.map(({ language, points }) => {
      const style = styles.get(language) ?? { label: language, color: 7, dash: 'solid' as const };
      return {
        label: style.label,
        color: `var(--series-${style.color % 8})`,
        dash: DASH_PATTERNS[style.dash],
        points,
      };
    });
    const ends = series.map(
      (s) => `${s.label} ${s.points[0]?.[1].toFixed(2)} to ${s.points.at(-1)?.[1].toFixed(2)}`,
    );
    const plot = linePlot({
      id: `loss-${name}`,
      title: `Training loss of ${label}`,
      description: `Nats a token, first to last: ${ends.join('; ')}.`,
      series,
      xTitle: 'tokens seen',
      yTitle: 'nats a token',
      yDomain,
    });
    return figure(draw, plot, html`<strong>${label}</strong>, seed ${seed}`);
  });
  const entries = [...used].map((code) => styles.get(code) ?? { label: code, color: 7 });
  return html`<section><h2>Training loss by language</h2>
<p>On the text being trained on, not on held-out text: a falling line alone proves no gain. Different tokenizers or languages
cannot be compared by it.</p>${legend(entries)}<div class="grid">${await Promise.all(plots)}</div></section>`;
}
