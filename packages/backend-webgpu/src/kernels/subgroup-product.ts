import type { SubgroupSize } from '../product-forms.ts';
import type { Program } from '../program.ts';
import { operandB } from './operand-b.ts';
import type { ProductSource, TileSize } from './tile-product.ts';

const ROWS = 16;
/** Quads of one term of a tile's rows, where a is transposed: each has four rows. */
const ROW_QUADS = ROWS / 4;
const EACH = [0, 1, 2, 3];

const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);
const lines = (of: readonly number[], line: (i: number) => string): string => of.map(line).join('\n');

/** Lanes own four columns each. */
export const subgroupTile = (lanes: SubgroupSize): TileSize => ({ rows: ROWS, columns: 4 * lanes });

/** Terms of one round: each lane reads a quad of `a`; of 64 lanes, half read values that no lane uses. */
const termsOf = (lanes: SubgroupSize): number => (lanes > 16 ? 8 : 4);

/** Division of one round among lanes. */
interface Round extends Pick<ProductSource, 'transposeA' | 'transposeB'> {
  readonly lanes: SubgroupSize;
  readonly terms: number;
  /** Quads of `a` that each lane reads. */
  readonly quads: number;
  /** A round may read past the last term; such terms count as zero. */
  readonly isGuarded: boolean;
}

/** Position of quad q of `a` that a lane reads: four terms of a row or, transposed, four rows of a term. */
function quadOfA({ transposeA, lanes }: Round, q: number): { row: string; term: string } {
  const index = `(lane + ${lanes * q})`;
  return transposeA
    ? { row: `${index} % ${ROW_QUADS} * 4`, term: `${index} / ${ROW_QUADS}` }
    : { row: `${index} % ${ROWS}`, term: `${index} / ${ROWS} * 4` };
}

function placesOfA(round: Round): string {
  return lines(range(round.quads), (q) => {
    const { row, term } = quadOfA(round, q);
    const place = round.transposeA
      ? `aAt + termA${q} * m + min(firstRow + ${row}, m - 4)`
      : `aAt + termA${q} + min(firstRow + ${row}, m - 1) * k`;
    return `let termA${q} = ${term};\nlet placeA${q} = ${place};`;
  });
}

/** WGSL: row `row` of the tile, term `e` of the round, from the lane that has read it. */
function valueOfA({ transposeA, lanes }: Round, row: number, e: number): string {
  const [index, element] = transposeA
    ? [e * ROW_QUADS + Math.floor(row / 4), row % 4]
    : [row + ROWS * Math.floor(e / 4), e % 4];
  return `subgroupBroadcast(a${Math.floor(index / lanes)}[${element}], ${index % lanes}u)`;
}

/** WGSL: `value`, or zero past the last term. */
const orZero = (value: string, term: string): string => `select(vec4<f32>(), ${value}, ${term} < k)`;

function loadA({ transposeA, quads, isGuarded }: Round): string {
  return lines(range(quads), (q) => {
    const value = `a[(placeA${q} + ${transposeA ? 't * m' : 't'}) / 4]`;
    return `let a${q} = ${isGuarded ? orZero(value, `t + termA${q}`) : value};`;
  });
}

/** Four columns of each term: b0, b1, … */
function loadB({ transposeB, terms, isGuarded }: Round, quad: (at: string, row: string) => string): string {
  if (!transposeB) {
    return lines(range(terms), (e) => {
      const value = quad(`bAt + (t + ${e}) * n + column`, `t + ${e}`);
      return `let b${e} = ${isGuarded ? orZero(value, `t + ${e}`) : value};`;
    });
  }
  return lines(range(terms / 4), (u) => {
    const value = (c: number): string => quad(`bAt + (column + ${c}) * k + t + ${4 * u}`, `column + ${c}`);
    return `
    ${lines(EACH, (c) => `let terms${u}_${c} = ${isGuarded ? orZero(value(c), `t + ${4 * u}`) : value(c)};`)}
    ${lines(EACH, (e) => `let b${4 * u + e} = vec4<f32>(${EACH.map((c) => `terms${u}_${c}[${e}]`).join(', ')});`)}`;
  });
}

function sumRow(round: Round, row: number): string {
  const products = range(round.terms).map((e) => `x${row}_${e} * b${e}`);
  return `
    ${lines(range(round.terms), (e) => `let x${row}_${e} = ${valueOfA(round, row, e)};`)}
    sum${row} = sum${row} + ${products.join(' + ')};`;
}

/**
 * A tile of y = a · b by one subgroup without workgroup memory: lanes own columns, and read each value of `a` once for
 * all of them. Reads and writes in quads: `m`, `n`, `k` and the offsets must be multiples of four (`m` where `a` is
 * transposed, `k` unless `hasAnyTerms`). Sums are in the order of the terms: the same bits as `tileProgram`.
 * @param lanes size of every subgroup of the device, or less
 */
export function subgroupProgram(source: ProductSource, lanes: SubgroupSize): Program {
  const { transposeA, transposeB, accumulate } = source;
  const b = operandB(source.storageB, transposeB, true);
  const terms = termsOf(lanes);
  const round: Round = {
    transposeA,
    transposeB,
    lanes,
    terms,
    quads: Math.max(1, (ROWS * terms) / (4 * lanes)),
    isGuarded: source.hasAnyTerms === true || terms > 4,
  };
  return {
    name: source.name,
    reads: { a: 'vec4<f32>', ...b.reads, ...source.reads },
    writes: { y: 'vec4<f32>' },
    params: source.params,
    lanes,
    isSubgroup: true,
    declarations: b.declarations,
    body: `
  ${source.setup(subgroupTile(lanes))}
  ${b.setup}
  let firstRow = tileRow * ${ROWS};
  let ownColumn = tileColumn * ${4 * lanes} + lane * 4;
  // past the end values are read that are not written
  let column = min(ownColumn, n - 4);
  ${placesOfA(round)}
  ${lines(range(ROWS), (row) => `var sum${row} = vec4<f32>();`)}
  for (var t = first; t < k; t += ${terms}) {
    ${loadA(round)}
    ${loadB(round, b.quad)}
    ${lines(range(ROWS), (row) => sumRow(round, row))}
  }
  ${lines(
    range(ROWS),
    (row) => `if (firstRow + ${row} < m && ownColumn < n) {
      y[(yAt + (firstRow + ${row}) * n + ownColumn) / 4] ${accumulate === true ? '+=' : '='} sum${row};
    }`,
  )}`,
  };
}
