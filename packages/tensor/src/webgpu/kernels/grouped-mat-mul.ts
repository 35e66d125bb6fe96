import type { TensorInfo } from '@tensorflow/tfjs-core';
import { inputsOf, numberAttr } from '../../kernel-inputs.ts';
import { registerWebgpuKernel, type WebgpuKernelCall } from '../kernel.ts';
import { output, type Program, runProgram } from '../program.ts';
import { tileProgram, tileSize } from './tile-product.ts';

/** Rows of one expert are few: small tiles waste less of them. */
const TILE = 'small';
const SIZE: number = tileSize(TILE).rows;

/** Tiles never cross experts: tile `group / across` belongs to the expert whose tiles reach that far. */
const grouped = (transposeW: boolean): Program =>
  tileProgram({
    name: `groupedMatMul${transposeW ? 'T' : ''}`,
    transposeA: false,
    transposeB: !transposeW,
    tile: TILE,
    reads: { offsets: 'i32' },
    params: { experts: 'i32', n: 'i32', k: 'i32' },
    setup: ({ rows: size }) => `
  let n = p.n;
  let k = p.k;
  let first = 0;
  let across = (n + ${size - 1}) / ${size};
  let tileColumn = group % across;
  var tileRow = group / across;
  var expert = 0;
  for (; expert < p.experts; expert++) {
    let tiles = (offsets[expert + 1] - offsets[expert] + ${size - 1}) / ${size};
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
const GRAD_WEIGHT = tileProgram({
  name: 'groupedGradWeight',
  transposeA: true,
  transposeB: false,
  tile: TILE,
  reads: { offsets: 'i32' },
  params: { m: 'i32', n: 'i32' },
  setup: ({ rows: size }) => `
  let m = p.m;
  let n = p.n;
  let across = (n + ${size - 1}) / ${size};
  let tiles = across * ((m + ${size - 1}) / ${size});
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
  // the counts stay on the device: each expert but one may leave a tile half empty
  const tiles = Math.floor(rows / SIZE) + Math.min(rows, experts);
  const program = transposeW ? GROUPED_TRANSPOSED : GROUPED;
  runProgram(backend, program, tiles * Math.ceil(n / SIZE), { a, b, offsets, y }, { experts, n, k });
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
  const groups = experts * Math.ceil(m / SIZE) * Math.ceil(n / SIZE);
  runProgram(backend, GRAD_WEIGHT, groups, { a, b, offsets, y }, { m, n });
  return y;
}

/** One product per expert on rows grouped by expert, and the gradient of the weights. */
export function registerGroupedMatMul(): void {
  registerWebgpuKernel('MoectGroupedMatMul', groupedMatMul);
  registerWebgpuKernel('MoectGroupedMatMulGradWeight', groupedGradWeight);
}
