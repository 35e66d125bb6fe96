import type { TensorInfo } from '@tensorflow/tfjs-core';
import { inputsOf, numberAttr } from '../../kernel-inputs.ts';
import type { MoectWebgpuBackend } from '../backend.ts';
import { registerWebgpuKernel, type WebgpuKernelCall } from '../kernel.ts';
import type { SubgroupSize } from '../product-forms.ts';
import { output, type Program, runProgram } from '../program.ts';
import { subgroupProgram, subgroupTile } from './subgroup-product.ts';
import { type ProductSource, type TileSize, tileProgram, tileSize } from './tile-product.ts';

/** Rows of one expert are few: small tiles waste less of them. */
const TILE = 'small';

/** A product in tiles of one size. */
interface Form {
  readonly size: TileSize;
  readonly program: Program;
}

/** In tiles of workgroup memory, and by subgroups, which read and write in quads. */
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

/** Tiles never cross experts: tile `group / across` belongs to the expert whose tiles reach that far. */
const grouped = (transposeW: boolean): Forms =>
  formsOf({
    name: `groupedMatMul${transposeW ? 'T' : ''}`,
    transposeA: false,
    transposeB: !transposeW,
    reads: { offsets: 'i32' },
    params: { experts: 'i32', n: 'i32', k: 'i32' },
    setup: ({ rows, columns }) => `
  let n = p.n;
  let k = p.k;
  let first = 0;
  let across = (n + ${columns - 1}) / ${columns};
  let tileColumn = group % across;
  var tileRow = group / across;
  var expert = 0;
  for (; expert < p.experts; expert++) {
    let tiles = (offsets[expert + 1] - offsets[expert] + ${rows - 1}) / ${rows};
    if (tileRow < tiles) { break; }
    tileRow -= tiles;
  }
  if (expert == p.experts) { return; }
  let m = offsets[expert + 1] - offsets[expert];
  let aAt = offsets[expert] * k;
  let bAt = expert * n * k;
  let yAt = offsets[expert] * n;`,
  });
const GROUPED = grouped(false);
const GROUPED_TRANSPOSED = grouped(true);

/** dw[e] = dyᵀ · x over the rows of expert e. */
const GRAD_WEIGHT = formsOf({
  name: 'groupedGradWeight',
  transposeA: true,
  transposeB: false,
  hasAnyTerms: true,
  reads: { offsets: 'i32' },
  params: { m: 'i32', n: 'i32' },
  setup: ({ rows, columns }) => `
  let m = p.m;
  let n = p.n;
  let across = (n + ${columns - 1}) / ${columns};
  let tiles = across * ((m + ${rows - 1}) / ${rows});
  let expert = group / tiles;
  let tileRow = (group % tiles) / across;
  let tileColumn = group % across;
  let first = offsets[expert];
  let k = offsets[expert + 1];
  let aAt = 0;
  let bAt = 0;
  let yAt = expert * m * n;`,
});

function groupedMatMul(call: WebgpuKernelCall): TensorInfo {
  const { backend, attrs } = call;
  const transposeW = attrs['transposeW'] === true;
  const take = inputsOf('MoectGroupedMatMul', call);
  const b = take('w', 'float32', ['experts', 'out', 'in']);
  const [experts, outSize, inSize] = b.shape as [number, number, number];
  const [k, n] = transposeW ? [outSize, inSize] : [inSize, outSize];
  const a = take('x', 'float32', ['rows', k]);
  const offsets = take('offsets', 'int32', [experts + 1]);
  const rows = a.shape[0]!;
  const y = output(backend, [rows, n]);
  const { size, program } = formFor(transposeW ? GROUPED_TRANSPOSED : GROUPED, backend, [n, k]);
  // the counts stay on the device: each expert but one may leave a tile half empty
  const tiles = Math.floor(rows / size.rows) + Math.min(rows, experts);
  runProgram(backend, program, tiles * Math.ceil(n / size.columns), { a, b, offsets, y }, { experts, n, k });
  return y;
}

function groupedGradWeight(call: WebgpuKernelCall): TensorInfo {
  const { backend } = call;
  const experts = numberAttr(call, 'numExperts');
  const take = inputsOf('MoectGroupedMatMulGradWeight', call);
  const b = take('x', 'float32', ['rows', 'in']);
  const [rows, n] = b.shape as [number, number];
  const a = take('dy', 'float32', [rows, 'out']);
  const m = a.shape[1]!;
  const offsets = take('offsets', 'int32', [experts + 1]);
  const y = output(backend, [experts, m, n]);
  const { size, program } = formFor(GRAD_WEIGHT, backend, [m, n]);
  const groups = experts * Math.ceil(m / size.rows) * Math.ceil(n / size.columns);
  runProgram(backend, program, groups, { a, b, offsets, y }, { m, n });
  return y;
}

/** One product per expert on rows grouped by expert, and the gradient of the weights. */
export function registerGroupedMatMul(): void {
  registerWebgpuKernel('MoectGroupedMatMul', groupedMatMul);
  registerWebgpuKernel('MoectGroupedMatMulGradWeight', groupedGradWeight);
}
