import type { TopLevelSpec } from 'vega-lite';
import { type Html, html, raw } from '../html.ts';
import { vegaTheme } from './theme.ts';

/** A drawing and the words that stand for it. */
export interface Plot {
  /** Unique in the page. */
  readonly id: string;
  readonly title: string;
  /** What a reader who does not see it should know. */
  readonly description: string;
  readonly spec: Omit<TopLevelSpec, 'config' | '$schema'>;
}

/** The drawing as inline SVG. Vega draws text to strings here: no document, no canvas. */
export async function renderSvg({ id, title, description, spec }: Plot): Promise<Html> {
  // loaded only when there is something to draw
  const [{ compile }, { parse, View }] = await Promise.all([import('vega-lite'), import('vega')]);
  const compiled = compile({ ...spec, config: vegaTheme } as TopLevelSpec).spec;
  const view = new View(parse(compiled), { renderer: 'none' });
  try {
    const svg = await view.toSVG();
    const opening = svg.match(/^<svg[^>]* width="([\d.]+)" height="([\d.]+)" viewBox="([^"]+)">/);
    const [tag, width, height, viewBox] = opening!;
    const head = html`<svg class="plot" role="img" aria-labelledby="${id}-title ${id}-desc" width="${width!}" height="${height!}" viewBox="${viewBox!}" style="--natural: ${width!}px"><title id="${id}-title">${title}</title><desc id="${id}-desc">${description}</desc>`;
    return raw(head.markup + svg.slice(tag!.length));
  } finally {
    view.finalize();
  }
}
