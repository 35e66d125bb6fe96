import type { Plot } from './render-svg.ts';
import { heatColor, heatText } from './theme.ts';

export interface HeatCell {
  readonly row: string;
  /** Columns are grouped, each group under its name. */
  readonly group: string;
  readonly column: string;
  /** 0 … 1 */
  readonly share: number;
}

export interface HeatMapOptions {
  readonly id: string;
  readonly title: string;
  readonly description: string;
  /** Top to bottom. */
  readonly rows: readonly string[];
  readonly groups: readonly string[];
  readonly columns: readonly string[];
  readonly cells: readonly HeatCell[];
  readonly cellWidth: number;
}

const ROW_HEIGHT = 22;

/** Shares as coloured cells with the number in them. A single column needs no name of its own. */
export function heatMap(options: HeatMapOptions): Plot {
  const { id, title, description, rows, groups, columns, cells, cellWidth } = options;
  const values = cells.map((cell) => ({
    ...cell,
    fill: heatColor(cell.share),
    ink: heatText(cell.share),
    text: cell.share.toFixed(2).replace(/^0(?=\.)/, ''),
  }));
  const y = {
    field: 'row',
    type: 'ordinal',
    sort: rows,
    axis: { title: null, ticks: false, domain: false, labelPadding: 6 },
  };
  const single = columns.length === 1;
  const axis = { title: null, ticks: false, domain: false, labelAngle: 0, orient: 'top', labelPadding: 4 };
  const x = { field: 'column', type: 'ordinal', sort: columns, axis: single ? null : axis };
  const header = { title: null, labelFontSize: 11, labelFontWeight: 600, labelPadding: single ? 4 : 2 };
  return {
    id,
    title,
    description,
    spec: {
      data: { values },
      facet: { column: { field: 'group', type: 'nominal', sort: groups, header } },
      spacing: single ? 2 : 10,
      spec: {
        width: columns.length * cellWidth,
        height: rows.length * ROW_HEIGHT,
        layer: [
          {
            mark: { type: 'rect', stroke: 'var(--ground)', strokeWidth: 2 },
            encoding: { x, y, fill: { field: 'fill', type: 'nominal', scale: null } },
          },
          {
            mark: { type: 'text', fontSize: 10.5 },
            encoding: { x, y, text: { field: 'text' }, fill: { field: 'ink', type: 'nominal', scale: null } },
          },
        ],
      },
    } as unknown as Plot['spec'],
  };
}
