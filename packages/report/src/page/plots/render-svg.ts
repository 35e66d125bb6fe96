import type { View } from 'vega';
import type { TopLevelSpec } from 'vega-lite';
import { type Html, html, raw } from '../html.ts';
import { vegaTheme } from './theme.ts';

/** A drawing with its title and description. */
export interface Plot {
  /** Unique in the page. */
  readonly id: string;
  readonly title: string;
  /** Description for readers who do not see the drawing. */
  readonly description: string;
  readonly spec: Omit<TopLevelSpec, 'config' | '$schema'>;
}

/** Makes inline SVG of a plot. */
export type Draw = (plot: Plot) => Promise<Html>;

/** Imports of the two optional packages; tests replace them. */
export interface PlotPackages {
  vega(): Promise<typeof import('vega')>;
  vegaLite(): Promise<typeof import('vega-lite')>;
}

function passOn(error: unknown): never {
  throw error;
}

// with a handler of their own, bundlers go on where the optional packages are missing
const INSTALLED: PlotPackages = {
  vega: () => import('vega').catch(passOn),
  vegaLite: () => import('vega-lite').catch(passOn),
};

/** True if Node or a browser finds no package of these names; false if a package is present and fails. */
function isAbsent(error: unknown): boolean {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ERR_MODULE_NOT_FOUND') return /package 'vega(-lite)?'/.test(message);
  return error instanceof TypeError && /specifier.*vega/.test(message);
}

/**
 * Loads Vega, which is large, and returns its drawing function; null if `vega` or `vega-lite` is not installed.
 * Errors of an installed package are passed on.
 */
export async function loadDraw(packages: PlotPackages = INSTALLED): Promise<Draw | null> {
  try {
    const [{ compile }, { parse, View }] = await Promise.all([packages.vegaLite(), packages.vega()]);
    return (plot) => renderSvg(plot, (spec) => new View(parse(compile(spec).spec), { renderer: 'none' }));
  } catch (error) {
    if (isAbsent(error)) return null;
    throw error;
  }
}

/** Vega draws text to strings here: no document, no canvas. */
async function renderSvg(
  { id, title, description, spec }: Plot,
  viewOf: (spec: TopLevelSpec) => View,
): Promise<Html> {
  const view = viewOf({ ...spec, config: vegaTheme } as TopLevelSpec);
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
