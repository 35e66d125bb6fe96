import { type Html, html } from '../html.ts';
import { figure } from '../plots/figure.ts';
import { frontierPlot } from '../plots/frontier.ts';
import type { Draw } from '../plots/render-svg.ts';
import type { MethodSummary } from '../summarize.ts';

/** The picture of the whole report, drawn once for wide screens and once for narrow ones. */
export async function frontier(draw: Draw, methods: readonly MethodSummary[]): Promise<Html | null> {
  const wide = frontierPlot(methods, 'frontier-wide', { width: 720, height: 380 });
  const narrow = frontierPlot(methods, 'frontier-narrow', { width: 278, height: 320 });
  if (wide === null || narrow === null) return null;
  const caption =
    'Each point is a method, the bars are 95 % intervals (or the range over seeds). The upper left is best.';
  return html`<section><h2>Forgetting against gain</h2>
<p>Methods can buy gain with forgetting, for example by a higher learning rate. So compare methods at the same height, or at
the same distance from zero. The horizontal axis is logarithmic beyond ±0.1 %.</p>
<div class="wide">${await figure(draw, wide, caption)}</div><div class="narrow">${await figure(draw, narrow, caption)}</div></section>`;
}
