import {
  bytesOfRow,
  type CompressedValues,
  isBlockStorage,
  type MatrixStorage,
  widenValues,
} from '@moect/kernels';
import { OP } from './generated/wasm-ops.ts';
import type { Runtime } from './runtime.ts';

/** Kinds of assembly/compressed.ts and assembly/blocks.ts. */
const KINDS: Readonly<Record<MatrixStorage, number>> = {
  ...{ bfloat16: 1, int8: 2, float16: 3 },
  ...{ q8_0: 4, q4_0: 5, q4_1: 6, q5_0: 7, q5_1: 8, q4_k: 9, q5_k: 10, q6_k: 11 },
};

/** The part of a matrix in compressed storage that packing reads. */
export type CompressedRows = Pick<CompressedMatrix, 'kind' | 'codes' | 'scales'>;

const NO_SCALES = new Float32Array(0);

/** A frozen matrix on the heap in fewer bytes than float32. */
export class CompressedMatrix {
  readonly kind: number;
  readonly rows: number;
  readonly columns: number;
  /** Address of the codes. */
  readonly codes: number;
  /** Address of the scales of the rows (int8). */
  readonly scales: number;
  readonly bytes: number;
  readonly #runtime: Runtime;
  readonly #storage: MatrixStorage;

  constructor(runtime: Runtime, values: CompressedValues) {
    const { codes, rows, columns, storage } = values;
    const scales = 'scales' in values ? values.scales : NO_SCALES;
    // one vector more, because kernels may read beyond the last code
    const codeBytes = (codes.byteLength + 31) & ~15;
    this.#runtime = runtime;
    this.#storage = storage;
    this.kind = KINDS[storage];
    this.rows = rows;
    this.columns = columns;
    this.bytes = codeBytes + scales.byteLength;
    this.codes = runtime.allocator.alloc(this.bytes);
    this.scales = this.codes + codeBytes;
    const bytes = runtime.u8();
    bytes.set(new Uint8Array(codes.buffer, codes.byteOffset, codes.byteLength), this.codes);
    bytes.set(new Uint8Array(scales.buffer, scales.byteOffset, scales.byteLength), this.scales);
  }

  /** The matrix without its first `row` rows, for packing. */
  fromRow(row: number): CompressedRows {
    const codes = this.codes + row * bytesOfRow(this.#storage, this.columns);
    return { kind: this.kind, codes, scales: this.scales + row * 4 };
  }

  /** Writes the values as float32 [rows, columns] to `pointer`. */
  widen(pointer: number): void {
    const { rows, columns } = this;
    const args = [this.codes, this.scales, this.kind, pointer, rows, columns];
    this.#runtime.dispatch(OP.WIDEN, args, this.#runtime.chunks(rows, columns));
  }

  /** The values as a new array outside of the heap. */
  values(): Float32Array {
    const { rows, columns, codes } = this;
    const storage = this.#storage;
    const { buffer } = this.#runtime.allocator.memory;
    if (isBlockStorage(storage)) {
      const blocks = new Uint8Array(buffer, codes, rows * bytesOfRow(storage, columns));
      return widenValues({ storage, codes: blocks, rows, columns });
    }
    const count = rows * columns;
    const isInt8 = storage === 'int8';
    return widenValues({
      ...{ storage, rows, columns },
      codes: isInt8 ? new Int8Array(buffer, codes, count) : new Uint16Array(buffer, codes, count),
      scales: new Float32Array(buffer, this.scales, isInt8 ? rows : 0),
    });
  }

  release(): void {
    this.#runtime.allocator.release(this.codes, this.bytes);
  }
}
