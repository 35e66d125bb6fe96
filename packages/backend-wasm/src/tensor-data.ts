import type { backend_util, DataType, TensorInfo } from '@tensorflow/tfjs-core';
import type { CompressedMatrix } from './compressed-matrix.ts';
import { factsOf, type IndexFacts } from './index-facts.ts';
import type { Runtime } from './runtime.ts';

type Values = backend_util.BackendValues;
type NumericView = Float32Array | Int32Array | Uint8Array;

export type HeapDType = 'float32' | 'int32' | 'bool';

/** Most integers that are inspected on their way to the heap: the ids and positions of a batch. */
const LOOKED_AT = 65536;

/** Bytes of one element on the heap. */
export function bytesPerElement(dtype: HeapDType): number {
  return dtype === 'bool' ? 1 : 4;
}

/** The values in an array of the dtype's own type, converted element by element where they are not. */
function typed(dtype: HeapDType, values: ArrayLike<number>): NumericView {
  const Type = { float32: Float32Array, int32: Int32Array, bool: Uint8Array }[dtype];
  return values instanceof Type ? values : Type.from(values);
}

/**
 * Data of one tensor: values in a JavaScript array, or on the heap. `values` gives a view
 * for kernels of tfjs-backend-cpu, `pointer()` copies to the heap when a wasm kernel first needs it.
 * Values in compressed storage are widened by `values` into a new array and by `pointer()` onto the heap, where the
 * copy stays until `releaseWidened()`.
 */
export class WasmTensorData {
  readonly dtype: DataType;
  refCount: number;
  complexTensorInfos?: { real: TensorInfo; imag: TensorInfo };
  /** Facts of integers, once a kernel has made or checked them as indices. */
  indexFacts: IndexFacts | undefined;
  readonly #runtime: Runtime;
  #values: Values | undefined;
  #pointer = 0;
  #length = 0;
  #view: NumericView | undefined;
  #epoch = -1;
  #relabelled: WasmTensorData | undefined;
  #compressed: CompressedMatrix | undefined;

  constructor(runtime: Runtime, dtype: DataType, values: Values | undefined, refCount = 1) {
    this.#runtime = runtime;
    this.dtype = dtype;
    this.#values = values;
    this.refCount = refCount;
  }

  /** Data of `length` elements on the heap, not initialised. */
  static onHeap(runtime: Runtime, dtype: HeapDType, length: number): WasmTensorData {
    const data = new WasmTensorData(runtime, dtype, undefined);
    data.#length = length;
    data.#pointer = runtime.allocator.alloc(length * bytesPerElement(dtype));
    return data;
  }

  /** float32 data in compressed storage, for reading only. */
  static compressed(runtime: Runtime, matrix: CompressedMatrix): WasmTensorData {
    const data = new WasmTensorData(runtime, 'float32', undefined);
    data.#length = matrix.rows * matrix.columns;
    data.#compressed = matrix;
    return data;
  }

  /** The compressed storage, where there is one. */
  get matrix(): CompressedMatrix | undefined {
    return this.#compressed;
  }

  get isOnHeap(): boolean {
    return this.#pointer !== 0;
  }

  /** Bytes on the heap; 0 once released. */
  get heldBytes(): number {
    const compressed = this.#compressed?.bytes ?? 0;
    return compressed + (this.#pointer === 0 ? 0 : this.#length * bytesPerElement(this.dtype as HeapDType));
  }

  get values(): Values | undefined {
    if (this.#compressed !== undefined) return this.#compressed.values();
    return this.#pointer === 0 ? this.#values : this.#heapView();
  }

  /**
   * Address of the values as `dtype`. tfjs-backend-cpu relabels an int32 or bool buffer as float32 without
   * touching it; where the tensor's dtype differs from the buffer's, a converted copy is kept beside it.
   */
  pointer(dtype: DataType): number {
    if (dtype !== this.dtype) {
      this.#relabelled ??= new WasmTensorData(this.#runtime, dtype, this.values);
      return this.#relabelled.pointer(dtype);
    }
    if (this.#pointer === 0) this.#moveToHeap();
    return this.#pointer;
  }

  /** Frees the float32 copy of compressed values. */
  releaseWidened(): void {
    if (this.#compressed !== undefined) this.#releaseBlock();
  }

  /** Frees the heap block. */
  release(): void {
    this.#relabelled?.release();
    this.#compressed?.release();
    this.#releaseBlock();
    this.#compressed = undefined;
  }

  #releaseBlock(): void {
    if (this.#pointer === 0) return;
    this.#runtime.allocator.release(this.#pointer, this.#length * bytesPerElement(this.dtype as HeapDType));
    this.#pointer = 0;
    this.#view = undefined;
  }

  #moveToHeap(): void {
    if (this.#compressed !== undefined) {
      this.#pointer = this.#runtime.allocator.alloc(this.#length * 4);
      this.#compressed.widen(this.#pointer);
      return;
    }
    const values = this.#values as ArrayLike<number> | undefined;
    if (
      values === undefined ||
      (this.dtype !== 'float32' && this.dtype !== 'int32' && this.dtype !== 'bool')
    ) {
      throw new Error(`A tensor of dtype ${this.dtype} has no place in the wasm heap.`);
    }
    this.#length = values.length;
    // inspect them here: once they are on the heap, a read waits for pending operations
    if (this.dtype === 'int32' && values.length <= LOOKED_AT) this.indexFacts ??= factsOf(values);
    this.#pointer = this.#runtime.allocator.alloc(values.length * bytesPerElement(this.dtype));
    this.#runtime.store(this.#pointer, typed(this.dtype, values));
    this.#values = undefined;
  }

  #heapView(): NumericView {
    this.#runtime.synchronize();
    if (this.#view !== undefined && this.#epoch === this.#runtime.allocator.epoch) return this.#view;
    const { buffer } = this.#runtime.allocator.memory;
    this.#epoch = this.#runtime.allocator.epoch;
    if (this.dtype === 'float32') this.#view = new Float32Array(buffer, this.#pointer, this.#length);
    else if (this.dtype === 'int32') this.#view = new Int32Array(buffer, this.#pointer, this.#length);
    else this.#view = new Uint8Array(buffer, this.#pointer, this.#length);
    return this.#view;
  }
}
