import type { Plot } from './render-svg.ts';

export interface Series {
  readonly label: string;
  readonly color: string;
  readonly dash: readonly number[];
  readonly points: readonly (readonly [x: number, y: number])[];
  /** Ground between two lines, for example quantiles: [x, low, high]. */
  readonly band?: readonly (readonly [x: number, low: number, high: number])[];
}

export interface LinePlotOptions {
  readonly id: string;
  readonly title: string;
  readonly description: string;
  readonly series: readonly Series[];
  readonly xTitle: string;
  readonly yTitle: string;
  readonly yDomain: readonly [number, number];
}

const SIZE = { width: 290, height: 200 };

/** Lines in the colours given; the legend is the page's. */
export function linePlot(options: LinePlotOptions): Plot {
  const { id, title, description, series, xTitle, yTitle, yDomain } = options;
  const x = { field: 'x', type: 'quantitative', axis: { title: xTitle, tickCount: 5, format: '~s', grid: false } };
  const scale = { domain: yDomain, zero: false, nice: false };
  const y = { field: 'y', type: 'quantitative', scale, axis: { title: yTitle, tickCount: 5 } };
  const bands = series.flatMap(({ color, band }) =>
    band === undefined
      ? []
      : [
          {
            data: { values: band.map(([at, low, high]) => ({ x: at, low, high })) },
            mark: { type: 'area', color, opacity: 0.13 },
            encoding: { x, y: { ...y, field: 'low' }, y2: { field: 'high' } },
          },
        ],
  );
  const lines = series.map(({ color, dash, points }) => ({
    data: { values: points.map(([at, value]) => ({ x: at, y: value })) },
    mark: { type: 'line', color, strokeDash: dash, strokeCap: 'round', clip: true },
    encoding: { x, y },
  }));
  return {
    id,
    title,
    description,
    spec: { ...SIZE, layer: [...bands, ...lines] } as unknown as Plot['spec'],
  };
}
