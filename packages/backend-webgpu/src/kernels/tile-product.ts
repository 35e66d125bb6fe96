import type { MatrixStorage } from '@moect/kernels';
import type { Program } from '../program.ts';
import { type OperandB, operandB } from './operand-b.ts';
import { loadVectors } from './tile-vectors.ts';

/**
 * Small tiles occupy more workgroups of a GPU; large ones read less. Wide tiles are for software adapters, which
 * gain nothing from many invocations: each invocation reads its operands one by one.
 */
export type TileKind = 'small' | 'large' | 'wide';

/** A product of which a workgroup computes a tile, and the places of its operands. */
export interface ProductSource {
  /** Distinguishes programs. */
  readonly name: string;
  readonly transposeA: boolean;
  readonly transposeB: boolean;
  /** Adds the product to the present values of `y`. */
  readonly accumulate?: boolean;
  /** `first` and `k` need not be multiples of four; only where `a` is transposed and `b` is not. */
  readonly hasAnyTerms?: boolean;
  /** `b` holds the codes of a compressed matrix, whose rows begin where `bAt` does. Default: float32. */
  readonly storageB?: MatrixStorage | undefined;
  readonly reads?: Program['reads'];
  readonly params: Program['params'];
  /**
   * WGSL, from `group`: `tileRow` and `tileColumn` (numbers of the tile), `m` × `n` outputs, sums of first … k−1, and
   * where the operands begin: `aAt`, `bAt`, `yAt`. All i32, the same for the whole workgroup.
   */
  readonly setup: (tile: TileSize) => string;
}

export interface TileSource extends ProductSource {
  readonly tile: TileKind;
  /** Reads and writes in quads: `m`, `n`, `k` and the offsets must be multiples of four. */
  readonly vectors?: boolean;
  /**
   * Workgroup memory holds `b` as float16, in half the space; sums stay float32. Each value of `b` changes by at
   * most 2⁻¹¹ of itself, or by 2⁻¹⁴ where it is smaller than that (devices may take such values for zero).
   */
  readonly isHalf?: boolean;
}

export interface TileSize {
  readonly rows: number;
  readonly columns: number;
}

interface TileShape {
  /** Rows and columns of a tile. */
  readonly size: number;
  /** Terms in workgroup memory at a time: 16 KiB in all, which every device has. */
  readonly depth: number;
  /** Rows, and groups of four columns, of one invocation. */
  readonly rows: number;
  readonly quads: number;
}

const SHAPES: Readonly<Record<TileKind, TileShape>> = {
  small: { size: 32, depth: 32, rows: 4, quads: 1 },
  large: { size: 64, depth: 32, rows: 8, quads: 2 },
  wide: { size: 64, depth: 32, rows: 8, quads: 4 },
};

export const tileSize = (tile: TileKind): TileSize => ({
  rows: SHAPES[tile].size,
  columns: SHAPES[tile].size,
});

const ROW_OF_B = [0, 1, 2, 3];

function load(
  { size, depth }: TileShape,
  lanes: number,
  { transposeA, transposeB, isHalf }: TileSource,
  { element }: OperandB,
): string {
  const quads = size / 4;
  const a = transposeA ? 'a[aAt + term * m + row]' : 'a[aAt + row * k + term]';
  const b = transposeB
    ? element('bAt + column * k + term', 'column')
    : element('bAt + term * n + column', 'term');
  // neighbouring invocations read neighbouring elements
  const placeA = transposeA ? `i % ${size}, i / ${size}` : `i / ${depth}, i % ${depth}`;
  const placeB = transposeB ? `i / ${depth}, i % ${depth}` : `i % ${quads}, i / ${quads}`;
  const elements = ROW_OF_B.map(
    (e) => `{ let column = firstColumn + place.x * 4 + ${e}; if (column < n) { v[${e}] = ${b}; } }`,
  );
  return `
    for (var i = lane; i < ${size * depth}; i += ${lanes}) {
      let place = vec2<i32>(${placeA});
      let row = firstRow + place.x;
      let term = from0 + place.y;
      var v = 0.0;
      if (row < m && term < k) { v = ${a}; }
      tileA[place.y * ${size} + place.x] = v;
    }
    for (var i = lane; i < ${quads * depth}; i += ${lanes}) {
      let place = vec2<i32>(${placeB});
      let term = from0 + place.y;
      var v = vec4<f32>();
      if (term < k) { ${elements.join(' ')} }
      tileB[place.y * ${quads} + place.x] = ${isHalf === true ? 'vec4<f16>(v)' : 'v'};
    }`;
}

/**
 * y = a · b in tiles: each workgroup holds a part of both operands in its memory, each invocation sums a block
 * of outputs in registers, in the order of the terms. Every size of tile gives the same bits.
 */
export function tileProgram(source: TileSource): Program {
  const shape = SHAPES[source.tile];
  const { size, depth, rows, quads } = shape;
  const across = size / (4 * quads);
  const lanes = across * (size / rows);
  const block = Array.from({ length: rows }, (_, r) =>
    Array.from({ length: quads }, (_, q) => `sum${r}_${q}`),
  );
  const each = (f: (sum: string, r: number, q: number) => string): string =>
    block.flatMap((row, r) => row.map((sum, q) => f(sum, r, q))).join('\n');
  const { vectors = false, isHalf = false } = source;
  const b = operandB(source.storageB, source.transposeB, vectors);
  const element = vectors ? 'vec4<f32>' : 'f32';
  const assign = source.accumulate === true ? '+=' : '=';
  const storeVector = (sum: string, q: number): string =>
    `let column = firstColumn + (x + ${across * q}) * 4;
     if (column < n) { y[(yAt + row * n + column) / 4] ${assign} ${sum}; }`;
  const storeEach = (sum: string, q: number): string =>
    ROW_OF_B.map((e) => {
      const at = `yAt + row * n + column + ${e}`;
      return `if (column + ${e} < n) { y[${at}] ${assign} ${sum}[${e}]; }`;
    })
      .map((line, e) => (e === 0 ? `let column = firstColumn + (x + ${across * q}) * 4; ${line}` : line))
      .join(' ');
  return {
    name: source.name,
    reads: { a: element, ...b.reads, ...source.reads },
    writes: { y: element },
    params: source.params,
    lanes,
    isHalf,
    declarations: `${b.declarations}
var<workgroup> tileA : array<f32, ${size * depth}>;
var<workgroup> tileB : array<vec4<${isHalf ? 'f16' : 'f32'}>, ${(size * depth) / 4}>;`,
    body: `
  ${source.setup(tileSize(source.tile))}
  ${b.setup}
  let firstRow = tileRow * ${size};
  let firstColumn = tileColumn * ${size};
  let x = lane % ${across};
  let rowInTile = (lane / ${across}) * ${rows};
  ${each((sum) => `var ${sum} = vec4<f32>();`)}
  for (var from0 = first; from0 < k; from0 += ${depth}) {
    ${vectors ? loadVectors({ ...source, size, depth, lanes, quadOfB: b.quad }) : load(shape, lanes, source, b)}
    workgroupBarrier();
    for (var t = 0; t < ${depth}; t++) {
      ${Array.from({ length: quads }, (_, q) => `let b${q} = vec4<f32>(tileB[t * ${size / 4} + x + ${across * q}]);`).join(' ')}
      ${Array.from({ length: rows }, (_, r) => `let a${r} = tileA[t * ${size} + rowInTile + ${r}];`).join(' ')}
      ${each((sum, r, q) => `${sum} += a${r} * b${q};`)}
    }
    workgroupBarrier();
  }
  ${each((sum, r, q) => `{ let row = firstRow + rowInTile + ${r}; if (row < m) { ${vectors ? storeVector(sum, q) : storeEach(sum, q)} } }`)}`,
  };
}
