import { broadcast_util, type TensorInfo, util } from '@tensorflow/tfjs-core';
import type { MoectWasmBackend } from '../backend.ts';
import type { CompressedMatrix, CompressedRows } from '../compressed-matrix.ts';
import { OP } from '../generated/wasm-ops.ts';
import { cpuKernel, registerWasmKernel } from '../kernel.ts';

/** Below this many products a batch element packs its own operands instead of sharing packed panels. */
const SHARED_PACK_MIN = 1 << 21;

export interface ProductSizes {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly transposeA: boolean;
  readonly transposeB: boolean;
}

/** Bytes of op(B)[k, n] in packed panels. */
export function packedBytes(k: number, n: number): number {
  return k * ((n + 7) & ~7) * 4;
}

/** The right side of a product: the address of float32 values, or a frozen matrix in compressed storage. */
export type OperandB = number | CompressedRows;

/** Operand B of `packOperandB` and `productDense`; compressed values are not widened. */
export function operandB(backend: MoectWasmBackend, b: TensorInfo): number | CompressedMatrix {
  return backend.compressedMatrix(b) ?? backend.pointer(b);
}

/** Packs op(B) into `packed` (see `packedBytes`), all threads together. */
export function packOperandB(
  backend: MoectWasmBackend,
  b: OperandB,
  packed: number,
  { n, k, transposeB }: ProductSizes,
): void {
  const { runtime } = backend;
  const chunks = runtime.chunks((n + 7) >> 3, k * 8);
  const layout = [transposeB ? k : n, transposeB ? 1 : 0, k, n, packed];
  if (typeof b === 'number') runtime.dispatch(OP.PACK_B, [b, ...layout], chunks);
  else runtime.dispatch(OP.PACK_COMPRESSED, [b.codes, b.scales, b.kind, ...layout], chunks);
}

/** C (+)= op(A) · packed op(B). Pitches count elements from row to row, where A or C are columns of a wider matrix. */
export function productPacked(
  backend: MoectWasmBackend,
  a: number,
  packed: number,
  c: number,
  { m, n, k, transposeA }: ProductSizes,
  accumulate = false,
  pitches: { readonly a?: number; readonly c?: number } = {},
): void {
  const { runtime } = backend;
  const byColumns = m < 64;
  const units = byColumns ? (n + 7) >> 3 : Math.ceil(m / 24);
  const args = [
    a,
    pitches.a ?? (transposeA ? m : k),
    transposeA ? 1 : 0,
    packed,
    c,
    pitches.c ?? n,
    m,
    n,
    k,
    accumulate ? 1 : 0,
    byColumns ? 1 : 0,
  ];
  runtime.dispatch(OP.PRODUCT, args, runtime.chunks(units, Math.ceil((m * n * k) / units / 4)));
}

/** With so few rows, reading B once beats packing it. */
const DIRECT_MAX_ROWS = 4;

function isDirect(b: OperandB, { m, transposeA, transposeB }: ProductSizes): boolean {
  if (m > DIRECT_MAX_ROWS || (transposeA && m > 1)) return false;
  return typeof b === 'number' || transposeB;
}

function productDirect(
  backend: MoectWasmBackend,
  a: number,
  b: OperandB,
  c: number,
  sizes: ProductSizes,
): void {
  const { m, n, k, transposeB } = sizes;
  const { runtime } = backend;
  const chunks = runtime.chunks((n + 15) >> 4, m * k * 16);
  if (typeof b === 'number') {
    runtime.dispatch(OP.DIRECT_PRODUCT, [a, b, transposeB ? 1 : 0, c, m, n, k], chunks);
  } else {
    runtime.dispatch(OP.DIRECT_COMPRESSED, [a, b.codes, b.scales, b.kind, c, m, n, k], chunks);
  }
}

/** Whether a result of `size` elements needs no products; fills it with zeros if its sums have no terms. */
export function isEmptyProduct(backend: MoectWasmBackend, c: number, size: number, k: number): boolean {
  if (size > 0 && k === 0) backend.runtime.dispatch(OP.FILL_WORDS, [c, size, 0]);
  return size === 0 || k === 0;
}

/** C = op(A) · op(B) of dense matrices at the given addresses. */
export function productDense(
  backend: MoectWasmBackend,
  a: number,
  b: OperandB,
  c: number,
  sizes: ProductSizes,
): void {
  if (isDirect(b, sizes)) {
    productDirect(backend, a, b, c, sizes);
    return;
  }
  const bytes = packedBytes(sizes.k, sizes.n);
  const packed = backend.temporary(bytes);
  packOperandB(backend, b, packed, sizes);
  productPacked(backend, a, packed, c, sizes);
  backend.releaseTemporary(packed, bytes);
}

/** C[i] = op(A[offset]) · op(B[offset]) for a whole batch; `offsets` has two matrix numbers per element. */
function productBatch(
  backend: MoectWasmBackend,
  a: number,
  b: number,
  c: number,
  sizes: ProductSizes,
  offsets: Int32Array,
): void {
  const { runtime } = backend;
  const { m, n, k, transposeA, transposeB } = sizes;
  const batch = offsets.length >> 1;
  if (m * n * k >= SHARED_PACK_MIN) {
    for (let i = 0; i < batch; i++) {
      const from = a + offsets[2 * i]! * m * k * 4;
      productDense(backend, from, b + offsets[2 * i + 1]! * k * n * 4, c + i * m * n * 4, sizes);
    }
    return;
  }
  const table = backend.temporary(offsets.byteLength);
  runtime.store(table, offsets);
  const args = [a, transposeA ? 1 : 0, b, transposeB ? 1 : 0, c, m, n, k, batch, table];
  runtime.dispatch(OP.BATCH_PRODUCT, args, runtime.chunks(batch, (m * n * k) >> 2));
  backend.releaseTemporary(table, offsets.byteLength);
}

/** Numbers of the A and B matrix of every element of the broadcast batch. */
export function batchOffsets(
  outer: readonly number[],
  a: readonly number[],
  b: readonly number[],
): Int32Array {
  const batch = outer.reduce((x, y) => x * y, 1);
  const table = new Int32Array(2 * batch);
  const strides = [a, b].map((shape) => {
    const result = new Array<number>(outer.length).fill(0);
    let stride = 1;
    for (let d = shape.length - 1; d >= 0; d--) {
      result[d + outer.length - shape.length] = shape[d] === 1 ? 0 : stride;
      stride *= shape[d]!;
    }
    return result;
  });
  for (let i = 0; i < batch; i++) {
    let rest = i;
    for (let d = outer.length - 1; d >= 0; d--) {
      const index = rest % outer[d]!;
      rest = (rest - index) / outer[d]!;
      table[2 * i]! += index * strides[0]![d]!;
      table[2 * i + 1]! += index * strides[1]![d]!;
    }
  }
  return table;
}

function checkedSizes(a: TensorInfo, b: TensorInfo, transposeA: boolean, transposeB: boolean): ProductSizes {
  util.assert(
    a.shape.length >= 2 && b.shape.length >= 2,
    () => `Error in matMul: inputs must have rank 2 or more, got shapes [${a.shape}] and [${b.shape}].`,
  );
  const [aRows, aColumns] = a.shape.slice(-2) as [number, number];
  const [bRows, bColumns] = b.shape.slice(-2) as [number, number];
  const k = transposeA ? aRows : aColumns;
  const kOfB = transposeB ? bColumns : bRows;
  util.assert(
    k === kOfB,
    () =>
      `Error in matMul: inner shapes (${k}) and (${kOfB}) of Tensors with shapes ${a.shape} and ${b.shape} and ` +
      `transposeA=${transposeA} and transposeB=${transposeB} must match.`,
  );
  return { m: transposeA ? aColumns : aRows, n: transposeB ? bRows : bColumns, k, transposeA, transposeB };
}

/** BatchMatMul: all transpositions, batch dimensions broadcast. */
export function batchMatMul(
  backend: MoectWasmBackend,
  a: TensorInfo,
  b: TensorInfo,
  transposeA: boolean,
  transposeB: boolean,
): TensorInfo {
  const sizes = checkedSizes(a, b, transposeA, transposeB);
  const aOuter = a.shape.slice(0, -2);
  const bOuter = b.shape.slice(0, -2);
  const outer = broadcast_util.assertAndGetBroadcastShape(aOuter, bOuter);
  const out = backend.output([...outer, sizes.m, sizes.n], 'float32');
  const batch = util.sizeFromShape(outer);
  const size = batch * sizes.m * sizes.n;
  if (isEmptyProduct(backend, out.pointer, size, sizes.k)) return out.info;
  const aPointer = backend.pointer(a);
  if (batch === 1) {
    productDense(backend, aPointer, operandB(backend, b), out.pointer, sizes);
  } else if (util.sizeFromShape(bOuter) === 1 && util.sizeFromShape(aOuter) === batch && !transposeA) {
    // one B for all: the batch is just more rows
    productDense(backend, aPointer, operandB(backend, b), out.pointer, { ...sizes, m: sizes.m * batch });
  } else {
    const offsets = batchOffsets(outer, aOuter, bOuter);
    productBatch(backend, aPointer, backend.pointer(b), out.pointer, sizes, offsets);
  }
  return out.info;
}

export function registerMatMul(): void {
  const onCpu = cpuKernel('BatchMatMul');
  registerWasmKernel('BatchMatMul', (call) => {
    const { a, b } = call.inputs as { a: TensorInfo; b: TensorInfo };
    const { transposeA, transposeB } = call.attrs as { transposeA: boolean; transposeB: boolean };
    if (a.dtype !== 'float32' || b.dtype !== 'float32') return onCpu(call);
    return batchMatMul(call.backend, a, b, transposeA, transposeB);
  });
}
