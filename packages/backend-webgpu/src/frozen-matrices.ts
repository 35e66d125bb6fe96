import {
  bytesOfRow,
  type CompressedValues,
  isBlockStorage,
  largestOfBlocks,
  type MatrixStorage,
  widenValues,
} from '@moect/kernels';
import type { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu';
import type { TensorInfo } from '@tensorflow/tfjs-core';

/** A frozen matrix on the device in fewer bytes than float32. */
export interface FrozenMatrix {
  readonly storage: MatrixStorage;
  readonly rows: number;
  readonly columns: number;
  /** The bytes of the codes, four in each word, the first in the lowest bits. */
  readonly codes: TensorInfo;
  /** Scales of the rows (int8). */
  readonly scales: TensorInfo;
  /** All values are in the range of float16. */
  readonly fitsHalf: boolean;
}

/** bfloat16 bits, without the sign, of the first value past the range of float16: 65,536. */
const PAST_HALF = 0x4780;
const LARGEST_HALF = 65504;
const NO_SCALES = new Float32Array(0);

function fitsHalf(values: CompressedValues): boolean {
  if (!('scales' in values)) return largestOfBlocks(values) <= LARGEST_HALF;
  const { codes, scales } = values;
  if (codes instanceof Uint16Array) return codes.every((code) => (code & 0x7fff) < PAST_HALF);
  return scales.every((scale) => 127 * scale <= LARGEST_HALF);
}

/** Records, but does not submit, a dispatch that writes the values as float32 to `y`: widened tensors stay. */
export type Widen = (matrix: FrozenMatrix, y: TensorInfo) => void;

/** Compressed values as 32-bit words; zeros pad the last one. */
function wordsOf(codes: CompressedValues['codes']): Int32Array {
  const words = new Int32Array(Math.ceil(codes.byteLength / 4));
  new Uint8Array(words.buffer).set(new Uint8Array(codes.buffer, codes.byteOffset, codes.byteLength));
  return words;
}

/**
 * Tensors of a backend in compressed storage. Kernels that support it read the codes; for all others the tensor
 * is widened into a buffer of its own, which is released once the dispatches that use it are submitted.
 */
export class FrozenMatrices {
  readonly #backend: WebGPUBackend;
  readonly #widen: Widen;
  readonly #matrices = new WeakMap<object, FrozenMatrix>();
  readonly #widened = new Set<object>();

  constructor(backend: WebGPUBackend, widen: Widen) {
    this.#backend = backend;
    this.#widen = widen;
  }

  get(dataId: object): FrozenMatrix | undefined {
    return this.#matrices.get(dataId);
  }

  /** The compressed storage of a tensor whose last two dimensions are its rows and columns, for kernels that read it. */
  of({ dataId, shape, dtype }: TensorInfo): FrozenMatrix | undefined {
    const matrix = this.#matrices.get(dataId);
    if (matrix === undefined || dtype !== 'float32') return undefined;
    const [rows, columns] = shape.slice(-2);
    return matrix.rows === rows && matrix.columns === columns ? matrix : undefined;
  }

  /** A new float32 tensor with these values. */
  add(shape: readonly number[], values: CompressedValues): TensorInfo {
    const { storage, rows, columns } = values;
    const scales = 'scales' in values ? values.scales : NO_SCALES;
    const words = wordsOf(values.codes);
    const info = this.#backend.makeTensorInfo([...shape], 'float32');
    this.#matrices.set(info.dataId, {
      storage,
      rows,
      columns,
      codes: this.#backend.makeTensorInfo([words.length], 'int32', words),
      scales: this.#backend.makeTensorInfo([scales.length], 'float32', scales),
      fitsHalf: fitsHalf(values),
    });
    return info;
  }

  /** Widens compressed values into the new buffer of their tensor; ignores other tensors. */
  fill(dataId: object): void {
    const matrix = this.#matrices.get(dataId);
    if (matrix === undefined) return;
    this.#widened.add(dataId);
    const shape = [matrix.rows, matrix.columns];
    this.#widen(matrix, { dataId, shape, dtype: 'float32' });
  }

  /** Frees the buffers of widened tensors; a pool would keep the memory that compressed storage saves. */
  releaseWidened(): void {
    const { tensorMap, bufferManager } = this.#backend;
    for (const dataId of this.#widened) {
      const data = tensorMap.has(dataId) ? tensorMap.get(dataId) : undefined;
      if (data?.resource == null) continue;
      bufferManager.releaseBuffer(data.resource as GPUBuffer, false);
      data.resource = null as never;
    }
    this.#widened.clear();
  }

  /** Reads the values and widens them on the host. */
  async read(
    { storage, codes, scales, rows, columns }: FrozenMatrix,
    readFrom: (dataId: object) => Promise<unknown>,
  ): Promise<Float32Array> {
    const { buffer, byteOffset } = (await readFrom(codes.dataId)) as Int32Array;
    if (isBlockStorage(storage)) {
      const blocks = new Uint8Array(buffer, byteOffset, rows * bytesOfRow(storage, columns));
      return widenValues({ storage, codes: blocks, rows, columns });
    }
    const count = rows * columns;
    const isInt8 = storage === 'int8';
    return widenValues({
      ...{ storage, rows, columns },
      codes: isInt8 ? new Int8Array(buffer, byteOffset, count) : new Uint16Array(buffer, byteOffset, count),
      scales: (await readFrom(scales.dataId)) as Float32Array,
    });
  }

  /** Frees the codes and scales of a disposed tensor. */
  forget(dataId: object): void {
    const matrix = this.#matrices.get(dataId);
    if (matrix === undefined) return;
    this.#matrices.delete(dataId);
    for (const part of [matrix.codes, matrix.scales]) this.#backend.disposeData(part.dataId);
  }
}
