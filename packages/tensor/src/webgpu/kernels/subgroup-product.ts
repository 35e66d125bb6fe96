import type { Program } from '../program.ts';
import { operandB } from './operand-b.ts';
import type { ProductSource, TileSize } from './tile-product.ts';

/** Invocations of a workgroup: one subgroup. */
const LANES = 8;
const ROWS = 16;
const COLUMNS = 4 * LANES;

export const SUBGROUP_TILE: TileSize = { rows: ROWS, columns: COLUMNS };

const EACH = [0, 1, 2, 3];
/** Groups of rows of which each lane reads one quad. */
const BLOCKS: readonly number[] = Array.from({ length: ROWS / LANES }, (_, block) => block);

const lines = (of: readonly number[], line: (i: number) => string): string => of.map(line).join('\n');

/** Where the lane's quads of `a` begin: a row of terms, or four rows of one term. */
function placesOfA(transposeA: boolean): string {
  return lines(BLOCKS, (q) =>
    transposeA
      ? `let placeA${q} = aAt + lane / 2 * m + min(firstRow + ${LANES * q} + lane % 2 * 4, m - 4);`
      : `let placeA${q} = aAt + min(firstRow + ${LANES * q} + lane, m - 1) * k;`,
  );
}

/** Row `row` of the tile, term `e` of four, out of the lane that has read it. */
function valueOfA(transposeA: boolean, row: number, e: number): string {
  const [block, inBlock] = [Math.floor(row / LANES), row % LANES];
  return transposeA
    ? `subgroupBroadcast(a${block}[${inBlock % 4}], ${2 * e + Math.floor(inBlock / 4)}u)`
    : `subgroupBroadcast(a${block}[${e}], ${inBlock}u)`;
}

/** A quad of term `term`; zero past the last. */
const orZero = (value: string, term: string): string => `select(vec4<f32>(), ${value}, ${term} < k)`;

function loadA({ transposeA, hasAnyTerms }: ProductSource): string {
  return lines(BLOCKS, (q) => {
    const value = `a[(placeA${q} + ${transposeA ? 't * m' : 't'}) / 4]`;
    return `let a${q} = ${hasAnyTerms === true ? orZero(value, 't + lane / 2') : value};`;
  });
}

/** Four columns of each of four terms: b0 … b3. */
function loadB(
  { transposeB, hasAnyTerms }: ProductSource,
  quad: (at: string, row: string) => string,
): string {
  if (!transposeB) {
    return lines(EACH, (e) => {
      const value = quad(`bAt + (t + ${e}) * n + column`, `t + ${e}`);
      return `let b${e} = ${hasAnyTerms === true ? orZero(value, `t + ${e}`) : value};`;
    });
  }
  return `
    ${lines(EACH, (c) => `let terms${c} = ${quad(`bAt + (column + ${c}) * k + t`, `column + ${c}`)};`)}
    ${lines(EACH, (e) => `let b${e} = vec4<f32>(${EACH.map((c) => `terms${c}[${e}]`).join(', ')});`)}`;
}

function sumRow(transposeA: boolean, row: number): string {
  const terms = EACH.map((e) => `x${row}_${e} * b${e}`);
  return `
    ${lines(EACH, (e) => `let x${row}_${e} = ${valueOfA(transposeA, row, e)};`)}
    sum${row} = sum${row} + ${terms.join(' + ')};`;
}

/**
 * A tile of y = a · b by one subgroup of eight without workgroup memory: lanes own columns, and read each value of `a`
 * once for all of them. For software adapters, where barriers and reads cost more than arithmetic. Reads and writes in
 * quads: `m`, `n`, `k` and the offsets must be multiples of four (`m` where `a` is transposed, `k` unless `hasAnyTerms`). Sums are in the order of the terms.
 */
export function subgroupProgram(source: ProductSource): Program {
  const { transposeA, transposeB, accumulate } = source;
  const b = operandB(source.storageB, transposeB, true);
  const rows = Array.from({ length: ROWS }, (_, row) => row);
  return {
    name: source.name,
    reads: { a: 'vec4<f32>', ...b.reads, ...source.reads },
    writes: { y: 'vec4<f32>' },
    params: source.params,
    lanes: LANES,
    isSubgroup: true,
    declarations: b.declarations,
    body: `
  ${source.setup(SUBGROUP_TILE)}
  ${b.setup}
  let firstRow = tileRow * ${ROWS};
  let ownColumn = tileColumn * ${COLUMNS} + lane * 4;
  // past the end values are read that are not written
  let column = min(ownColumn, n - 4);
  ${placesOfA(transposeA)}
  ${lines(rows, (row) => `var sum${row} = vec4<f32>();`)}
  for (var t = first; t < k; t += 4) {
    ${loadA(source)}
    ${loadB(source, b.quad)}
    ${lines(rows, (row) => sumRow(transposeA, row))}
  }
  ${lines(
    rows,
    (row) => `if (firstRow + ${row} < m && ownColumn < n) {
      y[(yAt + (firstRow + ${row}) * n + ownColumn) / 4] ${accumulate === true ? '+=' : '='} sum${row};
    }`,
  )}`,
  };
}
