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

const SIZE = { width: 277, height: 200 };
// text is not measured here, so the margins are given
const MARGINS = { autosize: 'none', padding: { left: 58, right: 8, top: 8, bottom: 42 } };

/** Lines in the given colours; the page draws the legend. */
export function linePlot(options: LinePlotOptions): Plot {
  const { id, title, description, series, xTitle, yTitle, yDomain } = options;
  const x = {
    field: 'x',
    type: 'quantitative',
    scale: { nice: false },
    // a format of its own for each tick: a common format writes 0 as 0k
    axis: { title: xTitle, tickCount: 5, grid: false, labelExpr: "format(datum.value, '~s')" },
  };
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
    mark: { type: 'line', color, strokeDash: dash, strokeCap: 'round' },
    encoding: { x, y },
  }));
  return {
    id,
    title,
    description,
    spec: { ...SIZE, ...MARGINS, layer: [...bands, ...lines] } as unknown as Plot['spec'],
  };
}
