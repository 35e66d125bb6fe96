import { type RoundedValues, widenValues } from '@moect/kernels';
import { OP } from './generated/wasm-ops.ts';
import type { Runtime } from './runtime.ts';

/** Kinds of assembly/compressed.ts. */
const KINDS = { bfloat16: 1, int8: 2 } as const;

/** The part of a matrix in compressed storage that packing reads. */
export type CompressedRows = Pick<CompressedMatrix, 'kind' | 'codes' | 'scales'>;

/** A frozen matrix on the heap in bfloat16 or int8. */
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
  readonly #storage: RoundedValues['storage'];

  constructor(runtime: Runtime, values: RoundedValues) {
    const { codes, scales, rows, columns, storage } = values;
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
    const bytesPerCode = this.#storage === 'int8' ? 1 : 2;
    const codes = this.codes + row * this.columns * bytesPerCode;
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
    const { rows, columns } = this;
    const count = rows * columns;
    const { buffer } = this.#runtime.allocator.memory;
    const codes =
      this.#storage === 'int8'
        ? new Int8Array(buffer, this.codes, count)
        : new Uint16Array(buffer, this.codes, count);
    const scales = new Float32Array(buffer, this.scales, this.#storage === 'int8' ? rows : 0);
    return widenValues({ storage: this.#storage, codes, scales, rows, columns });
  }

  release(): void {
    this.#runtime.allocator.release(this.codes, this.bytes);
  }
}
