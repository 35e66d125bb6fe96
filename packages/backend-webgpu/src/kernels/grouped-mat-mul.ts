import { GroupedMatMul, GroupedMatMulGradWeight } from '@moect/kernels';
import type { TensorInfo } from '@tensorflow/tfjs-core';
import type { MoectWebgpuBackend } from '../backend.ts';
import { implement, type WebgpuCall } from '../kernel.ts';
import type { SubgroupSize } from '../product-forms.ts';
import { output, type Program, runProgram } from '../program.ts';
import { fits } from '../tensor-part.ts';
import { type Operands, rowParts } from './rows.ts';
import { subgroupProgram, subgroupTile } from './subgroup-product.ts';
import { type ProductSource, type TileSize, tileProgram, tileSize } from './tile-product.ts';

/** One expert has few rows: small tiles leave less of a tile empty. */
const TILE = 'small';

/** A product in tiles of one size. */
interface Form {
  readonly size: TileSize;
  readonly program: Program;
}

/** The product in tiles of workgroup memory, and by subgroups, which read and write in quads. */
interface Forms {
  readonly tiled: Form;
  readonly inSubgroup: (lanes: SubgroupSize) => Form;
}

function formsOf(source: ProductSource): Forms {
  const known = new Map<SubgroupSize, Form>();
  const inSubgroup = (lanes: SubgroupSize): Form => {
    const name = `${source.name} subgroup ${lanes}`;
    const form = known.get(lanes) ?? {
      size: subgroupTile(lanes),
      program: subgroupProgram({ ...source, name }, lanes),
    };
    known.set(lanes, form);
    return form;
  };
  return { tiled: { size: tileSize(TILE), program: tileProgram({ ...source, tile: TILE }) }, inSubgroup };
}

function formFor(
  { tiled, inSubgroup }: Forms,
  { products }: MoectWebgpuBackend,
  sizes: readonly number[],
): Form {
  const { float32: form, subgroupSize } = products;
  const isInSubgroup = form === 'subgroups' && sizes.every((size) => size % 4 === 0);
  return isInSubgroup && subgroupSize !== undefined ? inSubgroup(subgroupSize) : tiled;
}

/** WGSL of the row of `a` where an expert begins. */
type RowOf = (expert: string) => string;

const ROW_OF: RowOf = (expert) => `offsets[${expert}]`;

/** Parameters of a dispatch that binds only some of the rows and some of the experts. */
const PART = {
  firstExpert: 'i32',
  firstRow: 'i32',
  rows: 'i32',
  aShift: 'i32',
  bShift: 'i32',
  yShift: 'i32',
} as const;
const ROW_OF_PART: RowOf = (expert) => `clamp(offsets[p.firstExpert + ${expert}] - p.firstRow, 0, p.rows)`;

/** Tiles never cross experts: tile `group / across` belongs to the expert whose tiles include it. */
const grouped = (transposeW: boolean, isPart: boolean): Forms => {
  const rowOf = isPart ? ROW_OF_PART : ROW_OF;
  const shift = (of: 'a' | 'b' | 'y'): string => (isPart ? `p.${of}Shift + ` : '');
  return formsOf({
    name: `groupedMatMul${transposeW ? 'T' : ''}${isPart ? ' of part' : ''}`,
    transposeA: false,
    transposeB: !transposeW,
    reads: { offsets: 'i32' },
    params: { experts: 'i32', n: 'i32', k: 'i32', ...(isPart && PART) },
    setup: ({ rows, columns }) => `
  let n = p.n;
  let k = p.k;
  let first = 0;
  let across = (n + ${columns - 1}) / ${columns};
  let tileColumn = group % across;
  var tileRow = group / across;
  var expert = 0;
  for (; expert < p.experts; expert++) {
    let tiles = (${rowOf('expert + 1')} - ${rowOf('expert')} + ${rows - 1}) / ${rows};
    if (tileRow < tiles) { break; }
    tileRow -= tiles;
  }
  if (expert == p.experts) { return; }
  let firstOfExpert = ${rowOf('expert')};
  let m = ${rowOf('expert + 1')} - firstOfExpert;
  let aAt = ${shift('a')}firstOfExpert * k;
  let bAt = ${shift('b')}expert * n * k;
  let yAt = ${shift('y')}firstOfExpert * n;`,
  });
};
const GROUPED = { whole: grouped(false, false), part: grouped(false, true) };
const GROUPED_TRANSPOSED = { whole: grouped(true, false), part: grouped(true, true) };

/** dw[e] = dyᵀ · x over the rows of expert e, or dw[e] += that. */
const gradWeight = (isPart: boolean, accumulate: boolean): Forms => {
  const rowOf = isPart ? ROW_OF_PART : ROW_OF;
  const shift = (of: 'a' | 'b' | 'y'): string => (isPart ? `p.${of}Shift` : '0');
  return formsOf({
    name: `groupedGradWeight${isPart ? ' of part' : ''}${accumulate ? '+' : ''}`,
    transposeA: true,
    transposeB: false,
    hasAnyTerms: true,
    accumulate,
    reads: { offsets: 'i32' },
    params: { m: 'i32', n: 'i32', ...(isPart && PART) },
    setup: ({ rows, columns }) => `
  let m = p.m;
  let n = p.n;
  let across = (n + ${columns - 1}) / ${columns};
  let tiles = across * ((m + ${rows - 1}) / ${rows});
  let expert = group / tiles;
  let tileRow = (group % tiles) / across;
  let tileColumn = group % across;
  let first = ${rowOf('expert')};
  let k = ${rowOf('expert + 1')};
  let aAt = ${shift('a')};
  let bAt = ${shift('b')};
  let yAt = ${shift('y')} + expert * m * n;`,
  });
};
const GRAD_WEIGHT = {
  whole: gradWeight(false, false),
  part: gradWeight(true, false),
  furtherPart: gradWeight(true, true),
};

interface Part {
  readonly operands: Operands;
  readonly params: Readonly<Record<keyof typeof PART, number>>;
  readonly experts: number;
}

/**
 * Ranges of experts and, for each of them, ranges of rows.
 * @param ofExperts the operand that has a matrix for each expert
 * @param ofRows the two operands that have rows
 */
function partsOf(
  backend: MoectWebgpuBackend,
  [experts, rows]: readonly [number, number],
  ofExperts: Operands,
  ofRows: Operands,
): Part[] {
  return rowParts(backend, experts, ofExperts).flatMap((some) =>
    rowParts(backend, rows, ofRows).map((part) => {
      const shifts = { ...some.shifts, ...part.shifts };
      const [aShift, bShift, yShift] = [shifts['a']!, shifts['b']!, shifts['y']!];
      const params = {
        firstExpert: some.first,
        firstRow: part.first,
        rows: part.count,
        aShift,
        bShift,
        yShift,
      };
      return { operands: { ...some.operands, ...part.operands }, params, experts: some.count };
    }),
  );
}

function groupedMatMul({ backend, inputs, attrs, dims }: WebgpuCall<typeof GroupedMatMul>): TensorInfo {
  const { x: a, w: b, offsets } = inputs;
  const { numExperts: experts, slots: rows, k, n } = dims;
  const y = output(backend, [rows, n]);
  const isWhole = [a, b, y].every((operand) => fits(backend.limits, operand));
  const forms = (attrs.transposeW ? GROUPED_TRANSPOSED : GROUPED)[isWhole ? 'whole' : 'part'];
  const { size, program } = formFor(forms, backend, [n, k]);
  // an upper bound, since the counts stay on the device: each expert but one may leave a tile half empty
  const groupsOf = (count: number, some: number): number =>
    (Math.floor(count / size.rows) + Math.min(count, some)) * Math.ceil(n / size.columns);
  if (isWhole) {
    runProgram(backend, program, groupsOf(rows, experts), { a, b, offsets, y }, { experts, n, k });
    return y;
  }
  for (const part of partsOf(backend, [experts, rows], { b }, { a, y })) {
    const params = { ...part.params, experts: part.experts, n, k };
    const groups = groupsOf(part.params.rows, part.experts);
    runProgram(backend, program, groups, { ...part.operands, offsets }, params);
  }
  return y;
}

function groupedGradWeight({
  backend,
  inputs,
  dims,
}: WebgpuCall<typeof GroupedMatMulGradWeight>): TensorInfo {
  const { x: b, dy: a, offsets } = inputs;
  const { numExperts: experts, slots: rows, out: m, in: n } = dims;
  const y = output(backend, [experts, m, n]);
  const run = (forms: Forms, some: number, operands: Operands, params: Record<string, number>): void => {
    const { size, program } = formFor(forms, backend, [m, n]);
    const groups = some * Math.ceil(m / size.rows) * Math.ceil(n / size.columns);
    runProgram(backend, program, groups, { ...operands, offsets }, { ...params, m, n });
  };
  if ([a, b, y].every((operand) => fits(backend.limits, operand))) {
    run(GRAD_WEIGHT.whole, experts, { a, b, y }, {});
    return y;
  }
  for (const { operands, params, experts: some } of partsOf(backend, [experts, rows], { y }, { a, b })) {
    run(params.firstRow === 0 ? GRAD_WEIGHT.part : GRAD_WEIGHT.furtherPart, some, operands, params);
  }
  return y;
}

/** One product per expert on rows grouped by expert, and the gradient of the weights. */
export function registerGroupedMatMul(): void {
  implement(GroupedMatMul, groupedMatMul);
  implement(GroupedMatMulGradWeight, groupedGradWeight);
}
