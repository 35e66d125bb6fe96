import { percentChange } from '../format.ts';
import type { MethodSummary } from '../summarize.ts';
import { placeLabels } from './place-labels.ts';
import type { Plot } from './render-svg.ts';
import { seriesColor } from './theme.ts';

/** Near 0 the axis is linear up to about this many percent, logarithmic beyond. */
const LINEAR_PERCENT = 0.1;
const TICKS = [-100, -10, -1, -0.1, 0, 0.1, 1, 10, 100, 1000];

interface Point {
  readonly label: string;
  readonly color: string;
  /** Relative change of the worst old language, percent; and its interval. */
  readonly forgetting: number;
  readonly low: number;
  readonly high: number;
  /** Percent of the reference's gain, or bits per byte. */
  readonly gain: number;
  readonly gainLow: number;
  readonly gainHigh: number;
}

const symlog = (x: number): number => Math.sign(x) * Math.log1p(Math.abs(x) / LINEAR_PERCENT);

function pointOf(method: MethodSummary, asRatio: boolean): Point[] {
  const { worstOld, gain, gainRatio, label, color } = method;
  if (worstOld === null || gain === null || (asRatio && gainRatio === null)) return [];
  const forgetting = 100 * worstOld.relativeChange;
  const [only] = worstOld.seeds.length === 1 ? worstOld.seeds : [];
  const seeds = worstOld.seeds.map((seed) => 100 * seed.relativeChange);
  const value = asRatio ? 100 * gainRatio!.value : gain;
  const own = asRatio ? gainRatio!.ci95?.map((x) => 100 * x) : undefined;
  return [
    {
      label,
      color: seriesColor(color),
      forgetting,
      low: only === undefined ? Math.min(...seeds) : 100 * only.ci95[0],
      high: only === undefined ? Math.max(...seeds) : 100 * only.ci95[1],
      gain: value,
      gainLow: own?.[0] ?? value,
      gainHigh: own?.[1] ?? value,
    },
  ];
}

function domainOf(values: readonly number[], margin: number): [number, number] {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const space = margin * Math.max(high - low, 1e-6);
  return [low - space, high + space];
}

/** The smallest pair of ticks around the data. */
function forgettingDomain(points: readonly Point[]): [number, number] {
  const low = Math.min(0, ...points.map((p) => p.low));
  const high = Math.max(1, ...points.map((p) => p.high));
  const below = TICKS.filter((tick) => tick <= low).at(-1) ?? low;
  return [low < 0 ? below : -0.03, high * 1.6];
}

function labelPlaces(
  points: readonly Point[],
  [x0, x1]: readonly [number, number],
  [y0, y1]: readonly [number, number],
  size: { readonly width: number; readonly height: number },
): ReturnType<typeof placeLabels> {
  const toY = (gain: number): number => (1 - (gain - y0) / (y1 - y0)) * size.height;
  const pixels = points.map(({ forgetting, gain, label }) => ({
    x: ((symlog(forgetting) - symlog(x0)) / (symlog(x1) - symlog(x0))) * size.width,
    y: toY(gain),
    text: label,
  }));
  return placeLabels(
    pixels,
    size,
    points.map(({ gainLow, gainHigh }, i) => {
      const { x } = pixels[i]!;
      return { left: x - 1, right: x + 1, top: toY(gainHigh), bottom: toY(gainLow) };
    }),
  );
}

/**
 * Forgetting against gain, one point a method: the upper left is best. Null where fewer than one method has both.
 * @param size of the plotting area, pixels
 */
export function frontierPlot(
  methods: readonly MethodSummary[],
  id: string,
  size: { readonly width: number; readonly height: number },
): Plot | null {
  const asRatio = methods.every(({ gainRatio, gain }) => gain === null || gainRatio !== null);
  const points = methods.flatMap((method) => pointOf(method, asRatio));
  if (points.length === 0) return null;
  const against = methods.find(({ gainRatio }) => gainRatio !== null)?.gainRatio?.against;
  const reference = methods.find(({ name }) => name === against)?.label ?? against;
  const gainTitle = asRatio
    ? `gain on new languages, % of ${reference}`
    : 'gain on new languages, bits per byte';
  const xDomain = forgettingDomain(points);
  // with 0 in sight, so that a single point also has a scale
  const yDomain = domainOf(
    [0, ...points.flatMap((p) => [p.gainLow, p.gainHigh]), ...(asRatio ? [100] : [])],
    0.14,
  );
  const places = labelPlaces(points, xDomain, yDomain, size);
  const x = {
    field: 'forgetting',
    type: 'quantitative',
    scale: { type: 'symlog', constant: LINEAR_PERCENT, domain: xDomain, nice: false },
    axis: {
      title: 'worst old language, % (left is better)',
      values: TICKS.filter((tick) => tick >= xDomain[0] && tick <= xDomain[1]),
      labelExpr: "(datum.value > 0 ? '+' : '') + format(datum.value, '~')",
    },
  };
  const y = {
    field: 'gain',
    type: 'quantitative',
    scale: { domain: yDomain, zero: false, nice: false },
    axis: { title: gainTitle, tickCount: 6, labelExpr: "format(datum.value, '~g')" },
  };
  const color = { field: 'color', type: 'nominal', scale: null };
  const bar = (a: object, b: object): object => ({
    mark: { type: 'rule', strokeWidth: 1.5, opacity: 0.55 },
    encoding: { ...a, ...b, color },
  });
  return {
    id,
    title: 'Forgetting against gain',
    description: points
      .map(
        (p) =>
          `${p.label}: worst old language ${percentChange(p.forgetting / 100)}, gain ${p.gain.toFixed(asRatio ? 0 : 2)}${asRatio ? ' %' : ''}`,
      )
      .join('; '),
    spec: {
      ...size,
      autosize: 'none',
      padding: { left: 58, right: 10, top: 8, bottom: 44 },
      data: { values: points },
      layer: [
        bar({ x: { ...x, field: 'low' }, x2: { field: 'high' } }, { y }),
        bar({ x }, { y: { ...y, field: 'gainLow' }, y2: { field: 'gainHigh' } }),
        { mark: { type: 'point', filled: true, size: 90, opacity: 1 }, encoding: { x, y, color } },
        ...places.map(({ dx, dy, align }, i) => ({
          data: { values: [points[i]] },
          mark: { type: 'text', dx, dy, align, baseline: 'middle', fontSize: 12, fontWeight: 600 },
          encoding: { x, y, color, text: { field: 'label' } },
        })),
      ],
    } as unknown as Plot['spec'],
  };
}
