import type { Config } from 'vega-lite';

/** Colours are CSS variables of the page, so that one drawing works in light and dark. */
export const SERIES_COLORS = 8;

export const seriesColor = (index: number): string => `var(--series-${index % SERIES_COLORS})`;

/** Ground of a heat-map cell for a share 0 … 1. */
export function heatColor(share: number): string {
  const clipped = Math.min(1, Math.max(0, share));
  return `color-mix(in oklab, var(--heat-low), var(--heat-high) ${(100 * clipped).toFixed(1)}%)`;
}

/** Text on such a cell. Mid-range grounds need dark ink in both themes. */
export function heatText(share: number): string {
  const level = share > 0.7 ? 'high' : share > 0.56 ? 'mid' : 'low';
  return `var(--heat-text-${level})`;
}

const MUTED = 'var(--muted)';

export const vegaTheme: Config = {
  background: 'transparent',
  font: 'system-ui, sans-serif',
  padding: 2,
  // the page gives each drawing a title and a description of its own
  aria: false,
  view: { stroke: null },
  axis: {
    labelColor: MUTED,
    labelFontSize: 11,
    titleColor: MUTED,
    titleFontSize: 12,
    titleFontWeight: 'normal',
    titlePadding: 8,
    gridColor: 'var(--grid)',
    domainColor: 'var(--line)',
    tickColor: 'var(--line)',
    labelLimit: 160,
  },
  header: { labelColor: MUTED, labelFontSize: 11, titleColor: MUTED, titleFontWeight: 'normal' },
  text: { fontSize: 11 },
  line: { strokeWidth: 2 },
};
