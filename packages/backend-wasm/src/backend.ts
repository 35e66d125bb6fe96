// How a kernel is added
//   1. assembly: write `export function fooChunk(chunk: i32, chunks: i32): void` that reads its arguments with
//      argI/argP/argF (assembly/layout.ts), does the range [rangeStart(n, chunk, chunks, align),
//      rangeStart(n, chunk + 1, chunks, align)) and writes nothing outside it. Any number of chunks must give
//      the same bits. Give it a number in assembly/ops.ts (fused: assembly/fused/ops.ts, from 128) and a case in
//      assembly/run-chunk.ts (fused: assembly/fused/run.ts). Then `npm run build:wasm --workspace packages/backend-wasm`.
//   2. @moect/kernels: an entry of its table, `Foo`.
//   3. here: `implement(Foo, ({ inputs, attrs, dims, backend }) => { … })` (kernel.ts) with
//        const x = backend.pointer(inputs.x);                       address of the values, copied to the heap if need be
//        const out = backend.output(shape, 'float32');              { info, pointer }, not initialised
//        const temp = backend.temporary(bytes);                     address; backend.releaseTemporary(temp, bytes)
//        backend.runtime.dispatch(OP.FOO, [x, out.pointer, n, floatBits(eps)], backend.runtime.chunks(rows, width));
//        return out.info;                                           or an array of infos
//      Never keep a pointer or a view across a later allocation of a view (`runtime.f32()`): memory may grow.
//   4. @moect/tensor: an operation that calls `runKernel(Foo, inputs, attrs)` and says its gradients by `differentiable`.
import { MathBackendCPU } from '@tensorflow/tfjs-backend-cpu';
import { type backend_util, type DataType, type TensorInfo, util } from '@tensorflow/tfjs-core';
import type { CompressedMatrix } from './compressed-matrix.ts';
import { factsOf, type IndexFacts } from './index-facts.ts';
import { KernelRun } from './kernel-run.ts';
import { LeakReport } from './leak-report.ts';
import type { Runtime } from './runtime.ts';
import { type HeapDType, WasmTensorData } from './tensor-data.ts';

export const WASM_BACKEND = 'moect-wasm';

/** A new tensor on the heap. */
export interface WasmOutput {
  readonly info: TensorInfo;
  readonly pointer: number;
}

/** Fields of `tf.memory()` besides the counts of TensorFlow.js. */
export interface WasmMemory {
  unreliable: boolean;
  reasons: string[];
  /** Bytes handed out, in allocation classes. */
  heapBytesInUse: number;
  /** Size of the wasm memory. */
  heapBytes: number;
  /** Tensors that were forgotten without dispose and then collected, and their bytes. */
  leakedTensors: number;
  leakedBytes: number;
}

interface CpuBackendInternals {
  firstUse: boolean;
  data: {
    get(dataId: object): WasmTensorData;
    set(dataId: object, data: WasmTensorData): void;
    has(dataId: object): boolean;
    delete(dataId: object): boolean;
    dataIdsCount: number;
  };
}

/** Smaller tensors are watched with `reportLeaks` only. */
const WATCHED_BYTES = 65536;

/** Bytes that values take on the heap; complex tensors come without values. */
function sizeOf(values: backend_util.BackendValues | undefined): number {
  return 4 * (values?.length ?? 0);
}

/** The cpu backend of TensorFlow.js with its tensors in one wasm memory. */
export class MoectWasmBackend extends MathBackendCPU {
  readonly runtime: Runtime;
  readonly #leaks: LeakReport;
  readonly #kernels: KernelRun;
  /** Compressed tensors with a float32 copy on the heap. */
  readonly #widened: WasmTensorData[] = [];
  #disposed = false;

  constructor(runtime: Runtime, reportLeaks = false) {
    super();
    this.runtime = runtime;
    const collected = (): void => {
      this.#internals.data.dataIdsCount--;
    };
    this.#leaks = new LeakReport(reportLeaks ? 0 : WATCHED_BYTES, collected);
    this.#kernels = new KernelRun(runtime.allocator, (dataId) => this.disposeData(dataId, true));
    // the cpu backend would advise to install tfjs-node
    this.#internals.firstUse = false;
  }

  get #internals(): CpuBackendInternals {
    return this as unknown as CpuBackendInternals;
  }

  /**
   * Address of a tensor's values, in the tensor's dtype. Valid until the tensor is disposed; for a tensor in compressed
   * storage, whose values are widened here, until the kernel ends.
   */
  pointer(info: TensorInfo): number {
    const data = this.#internals.data.get(info.dataId);
    if (data.matrix !== undefined) this.#widened.push(data);
    return data.pointer(info.dtype);
  }

  /** The compressed storage of a tensor whose last two dimensions are its rows and columns, for kernels that read it. */
  compressedMatrix(info: TensorInfo): CompressedMatrix | undefined {
    const { matrix } = this.#internals.data.get(info.dataId);
    if (matrix === undefined || info.dtype !== 'float32') return undefined;
    const [rows, columns] = info.shape.slice(-2);
    return matrix.rows === rows && matrix.columns === columns ? matrix : undefined;
  }

  /** A new tensor with these values in compressed storage. */
  compressedOutput(shape: readonly number[], matrix: CompressedMatrix): TensorInfo {
    const dataId = this.#add(WasmTensorData.compressed(this.runtime, matrix), matrix.bytes);
    return { dataId, shape: shape as number[], dtype: 'float32' };
  }

  /**
   * A new tensor whose values are not initialised; the kernel must write all of them.
   * @param indexFacts facts of the integers that the kernel will write
   */
  output(shape: readonly number[], dtype: HeapDType, indexFacts?: IndexFacts): WasmOutput {
    const data = WasmTensorData.onHeap(this.runtime, dtype, util.sizeFromShape(shape as number[]));
    data.indexFacts = indexFacts;
    const dataId = this.#add(data, data.heldBytes);
    return { info: { dataId, shape: shape as number[], dtype }, pointer: data.pointer(dtype) };
  }

  /** The value of a tensor of one element. */
  scalar(info: TensorInfo): number {
    return (this.#internals.data.get(info.dataId).values as Float32Array)[0]!;
  }

  /** The values as a view or array, for checks in JavaScript. */
  values(info: TensorInfo): Float32Array | Int32Array | Uint8Array {
    return this.#internals.data.get(info.dataId).values as Float32Array;
  }

  /** Facts of a tensor's integers; reads the values where no kernel has stated any. */
  indexFacts(info: TensorInfo): IndexFacts {
    const data = this.#internals.data.get(info.dataId);
    data.indexFacts ??= factsOf(data.values as Int32Array);
    return data.indexFacts;
  }

  /** The same values under another shape (no copy). */
  alias(info: TensorInfo, shape: readonly number[]): TensorInfo {
    this.incRef(info.dataId);
    return { dataId: info.dataId, shape: shape as number[], dtype: info.dtype };
  }

  /** Runs a kernel and frees widened copies; a kernel that throws leaves neither temporaries nor outputs. */
  attempt<T>(kernel: () => T): T {
    try {
      return this.#kernels.attempt(kernel);
    } finally {
      if (!this.#kernels.isRunning) {
        while (this.#widened.length > 0) this.#widened.pop()!.releaseWidened();
      }
    }
  }

  /** Address of memory for the run of one kernel. */
  temporary(bytes: number): number {
    return this.#kernels.take(bytes);
  }

  releaseTemporary(pointer: number, bytes: number): void {
    this.#kernels.giveBack(pointer, bytes);
  }

  override write(values: backend_util.BackendValues, _shape: number[], dtype: DataType): object {
    return this.#add(new WasmTensorData(this.runtime, dtype, this.#owned(values)), sizeOf(values));
  }

  #add(data: WasmTensorData, bytes: number): object {
    const dataId = {};
    this.#internals.data.set(dataId, data);
    this.#leaks.watch(dataId, data, bytes);
    this.#kernels.made(dataId);
    return dataId;
  }

  /** Kernels of tfjs-backend-cpu (slice) may return a part of their input's view: that must not alias the heap. */
  #owned(values: backend_util.BackendValues): backend_util.BackendValues {
    if (!ArrayBuffer.isView(values) || !this.runtime.isHeapBuffer(values.buffer)) return values;
    return (values as Float32Array).slice();
  }

  override move(
    dataId: object,
    values: backend_util.BackendValues,
    _shape: number[],
    dtype: DataType,
    refCount: number,
  ): void {
    const data = new WasmTensorData(this.runtime, dtype, values, refCount);
    this.#internals.data.set(dataId, data);
    this.#leaks.watch(dataId, data, sizeOf(values));
  }

  /** A copy: a view would change after dispose and reuse. */
  override readSync(dataId: object): backend_util.BackendValues {
    const onHeap = this.#internals.data.get(dataId).isOnHeap;
    const values = super.readSync(dataId);
    return onHeap ? (values as Float32Array).slice() : values;
  }

  override disposeData(dataId: object, force = false): boolean {
    const { data } = this.#internals;
    if (!data.has(dataId)) return true;
    const entry = data.get(dataId);
    entry.refCount--;
    if (!force && entry.refCount > 0) return false;
    if (entry.complexTensorInfos !== undefined && entry.complexTensorInfos !== null) {
      this.disposeData(entry.complexTensorInfos.real.dataId, true);
      this.disposeData(entry.complexTensorInfos.imag.dataId, true);
    }
    entry.release();
    this.#leaks.forget(entry);
    data.delete(dataId);
    return true;
  }

  /** Whether TensorFlow.js has disposed this backend, which then has no worker threads. */
  get isDisposed(): boolean {
    return this.#disposed;
  }

  override dispose(): void {
    this.#disposed = true;
    this.runtime.dispose();
  }

  override memory(): WasmMemory {
    const { allocator, memoryBytes } = this.runtime;
    return {
      unreliable: false,
      reasons: [],
      heapBytesInUse: allocator.liveBytes,
      heapBytes: memoryBytes,
      leakedTensors: this.#leaks.tensors,
      leakedBytes: this.#leaks.bytes,
    };
  }
}
