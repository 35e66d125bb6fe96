import type { MatrixStorage } from '@moect/kernels';
import { sizeOf } from '@moect/kernels';
import { getKernel, type TensorInfo } from '@tensorflow/tfjs-core';
import type { MoectWebgpuBackend } from '../backend.ts';
import type { FrozenMatrix } from '../frozen-matrices.ts';
import { type FrozenRows, partsOf } from '../frozen-rows.ts';
import { registerWebgpuKernel, type WebgpuKernel, type WebgpuKernelCall } from '../kernel.ts';
import type { ProductForm, SubgroupSize } from '../product-forms.ts';
import { output, type Program, runProgram } from '../program.ts';
import { fits, type Operand, type TensorPart } from '../tensor-part.ts';
import { largeProduct } from './large-product.ts';
import { subgroupProgram, subgroupTile } from './subgroup-product.ts';
import { type ProductSource, type TileKind, tileProgram, tileSize } from './tile-product.ts';

/** With fewer large tiles than this, small ones are used, so that more workgroups share the work. */
const FEW_TILES = { gpu: 32, software: 8 } as const;

export interface ProductSizes {
  readonly batch?: number;
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly transposeA: boolean;
  readonly transposeB: boolean;
}

/** Division of a product among workgroups. */
type Tiling =
  | { readonly tile: TileKind; readonly isHalf: boolean }
  | { readonly tile: 'subgroup'; readonly lanes: SubgroupSize };

export interface ProductOptions {
  /** Elements to skip at the start of each operand. */
  readonly aOffset?: number;
  readonly bOffset?: number;
  readonly yOffset?: number;
  readonly accumulate?: boolean;
  /** Default: the form in the backend's `products`. */
  readonly form?: ProductForm;
  /** Default: chosen for the adapter and the sizes. */
  readonly tile?: TileKind;
}

/** The product of matrices at the given offsets. */
export const productSource = (
  name: string,
  { transposeA, transposeB }: Pick<ProductSizes, 'transposeA' | 'transposeB'>,
  accumulate: boolean,
  storageB: MatrixStorage | undefined,
): ProductSource => ({
  name,
  transposeA,
  transposeB,
  accumulate,
  storageB,
  params: { m: 'i32', n: 'i32', k: 'i32', aOffset: 'i32', bOffset: 'i32', yOffset: 'i32' },
  setup: ({ rows, columns }) => `
  let m = p.m;
  let n = p.n;
  let k = p.k;
  let first = 0;
  let across = (n + ${columns - 1}) / ${columns};
  let tiles = across * ((m + ${rows - 1}) / ${rows});
  let batch = group / tiles;
  let tileRow = (group % tiles) / across;
  let tileColumn = group % across;
  let aAt = p.aOffset + batch * m * k;
  let bAt = p.bOffset + batch * k * n;
  let yAt = p.yOffset + batch * m * n;`,
});

const programs = new Map<string, Program>();

function programOf(
  sizes: ProductSizes,
  accumulate: boolean,
  tiling: Tiling,
  vectors: boolean,
  storageB: MatrixStorage | undefined,
): Program {
  const { transposeA, transposeB } = sizes;
  const name = `matMul${transposeA ? 'T' : 'N'}${transposeB ? 'T' : 'N'}${accumulate ? '+' : ''} ${Object.values(tiling).join(' ')}${vectors ? ' quads' : ''} ${storageB ?? ''}`;
  let program = programs.get(name);
  if (program === undefined) {
    const source = productSource(name, sizes, accumulate, storageB);
    program =
      tiling.tile === 'subgroup'
        ? subgroupProgram(source, tiling.lanes)
        : tileProgram({ ...source, ...tiling, vectors });
    programs.set(name, program);
  }
  return program;
}

function rightOf(rows: FrozenRows): { b: TensorPart; scales: TensorPart } {
  const { codes, scales } = partsOf(rows);
  return { b: codes, scales };
}

function tilesOf({ batch = 1, m, n }: ProductSizes, tiling: Tiling): number {
  const { rows, columns } = tiling.tile === 'subgroup' ? subgroupTile(tiling.lanes) : tileSize(tiling.tile);
  return batch * Math.ceil(m / rows) * Math.ceil(n / columns);
}

/** Chooses the division for the adapter and the sizes. */
function tilingFor(
  backend: MoectWebgpuBackend,
  sizes: ProductSizes,
  vectors: boolean,
  frozen: FrozenMatrix | undefined,
  { form = backend.products[frozen === undefined ? 'float32' : 'frozen'], tile: wanted }: ProductOptions,
): Tiling {
  const { subgroupSize } = backend.products;
  if (form === 'subgroups' && subgroupSize !== undefined && vectors && wanted === undefined) {
    return { tile: 'subgroup', lanes: subgroupSize };
  }
  const isHalf = form === 'float16' && frozen?.fitsHalf === true;
  if (wanted !== undefined) return { tile: wanted, isHalf };
  const [tile, few] = backend.isSoftware
    ? (['wide', FEW_TILES.software] as const)
    : (['large', FEW_TILES.gpu] as const);
  return { tile: tilesOf(sizes, { tile, isHalf }) < few ? 'small' : tile, isHalf };
}

function wholeProduct(
  backend: MoectWebgpuBackend,
  a: Operand,
  b: Operand | FrozenRows,
  y: Operand,
  sizes: ProductSizes,
  options: ProductOptions,
): void {
  const { aOffset = 0, bOffset = 0, yOffset = 0, accumulate = false } = options;
  const { m, n, k } = sizes;
  const vectors = [m, n, k, aOffset, bOffset, yOffset].every((size) => size % 4 === 0);
  const frozen = 'matrix' in b ? b.matrix : undefined;
  const tiling = tilingFor(backend, sizes, vectors, frozen, options);
  const program = programOf(sizes, accumulate, tiling, vectors, frozen?.storage);
  const right = 'matrix' in b ? rightOf(b) : { b };
  runProgram(
    backend,
    program,
    tilesOf(sizes, tiling),
    { a, ...right, y },
    { m, n, k, aOffset, bOffset, yOffset },
  );
}

/** The same for operands that may be larger than a binding. */
function productInParts(
  backend: MoectWebgpuBackend,
  a: Operand,
  b: Operand | FrozenRows,
  y: Operand,
  { batch = 1, ...sizes }: ProductSizes,
  { aOffset = 0, bOffset = 0, yOffset = 0, accumulate = false, ...form }: ProductOptions,
): void {
  const { m, n, k } = sizes;
  for (let i = 0; i < batch; i++) {
    const offsets = {
      aOffset: aOffset + i * m * k,
      bOffset: bOffset + i * k * n,
      yOffset: yOffset + i * m * n,
    };
    largeProduct(backend, { a, b, y, ...sizes, ...offsets, accumulate }, (part) =>
      wholeProduct(backend, part.a, part.b, part.y, part, { ...part, ...form }),
    );
  }
}

/** y = a · b, or y += a · b (b in any storage), of one pair of matrices or of `batch` pairs. */
export function product(
  backend: MoectWebgpuBackend,
  a: TensorInfo,
  b: TensorInfo,
  y: TensorInfo,
  sizes: ProductSizes,
  options: ProductOptions = {},
): void {
  const matrix = (sizes.batch ?? 1) === 1 ? backend.frozen.of(b) : undefined;
  const isSmall = [a, matrix?.codes ?? b, y].every((operand) => fits(backend.limits, operand));
  const run = isSmall ? wholeProduct : productInParts;
  // parts of a sum over transposed a may need columns of b, which cannot be read from codes
  const isRead = matrix !== undefined && (isSmall || !sizes.transposeA);
  run(backend, a, isRead ? { matrix, first: 0, count: matrix.rows } : b, y, sizes, options);
}

/** Products of equally many float32 matrices; TensorFlow.js's own kernel handles the rest. */
function batchMatMul(call: WebgpuKernelCall, stock: WebgpuKernel): TensorInfo | TensorInfo[] {
  const { inputs, attrs, backend } = call;
  const [a, b] = [inputs['a']!, inputs['b']!];
  const [transposeA, transposeB] = [attrs['transposeA'] === true, attrs['transposeB'] === true];
  const batchShape = a.shape.slice(0, -2);
  const isPlain = a.dtype === 'float32' && b.dtype === 'float32';
  if (!isPlain || batchShape.join() !== b.shape.slice(0, -2).join()) return stock(call);
  const [aRows, aColumns] = a.shape.slice(-2) as [number, number];
  const [bRows, bColumns] = b.shape.slice(-2) as [number, number];
  const [m, k] = transposeA ? [aColumns, aRows] : [aRows, aColumns];
  const [n, depth] = transposeB ? [bRows, bColumns] : [bColumns, bRows];
  if (k !== depth) return stock(call);
  const y = output(backend, [...batchShape, m, n]);
  product(backend, a, b, y, { batch: sizeOf(batchShape), m, n, k, transposeA, transposeB });
  return y;
}

/** Matrix products in all four transpositions. */
export function registerMatMul(): void {
  const stock = getKernel('BatchMatMul', 'webgpu').kernelFunc as unknown as WebgpuKernel;
  registerWebgpuKernel('BatchMatMul', (call) => batchMatMul(call, stock));
}
