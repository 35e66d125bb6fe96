import { type Html, html } from '../html.ts';
import type { Draw, Plot } from './render-svg.ts';
import { seriesColor } from './theme.ts';

export interface LegendEntry {
  readonly label: string;
  readonly color: number;
  readonly dash?: 'solid' | 'dashed' | 'dotted';
}

/** A plot under its caption. On narrow screens a plot wider than the page scrolls by itself. */
export async function figure(draw: Draw, plot: Plot, caption: Html | string): Promise<Html> {
  return html`<figure><figcaption>${caption}</figcaption><div class="scroll">${await draw(plot)}</div></figure>`;
}

/** One legend for all the plots of a section. */
export function legend(entries: readonly LegendEntry[]): Html {
  const items = entries.map(
    ({ label, color, dash = 'solid' }) =>
      html`<li><span class="swatch ${dash}" style="--own: ${seriesColor(color)}"></span>${label}</li>`,
  );
  return html`<ul class="legend">${items}</ul>`;
}
