import { Allocator } from './allocator.ts';
import { layout } from './layout.ts';
import { compileModule, hasRelaxedSimd } from './load-module.ts';
import { ThreadPool } from './pool.ts';

/** Functions of assembly/index.ts. */
export interface WasmExports {
  runAlone(op: number, chunks: number): void;
  runShared(op: number, chunks: number): number;
  setScratch(pointer: number): void;
  workerLoop(): void;
  isRelaxed(): number;
}

export interface RuntimeOptions {
  readonly threads?: number;
  readonly relaxedSimd?: boolean;
  readonly deterministic?: boolean;
}

/** Chunks per thread: small enough that a descheduled worker costs little, large enough to be worth taking. */
const CHUNKS_PER_THREAD = 4;

/**
 * One wasm instance with its memory, and the way into it: write arguments, run an operation in chunks.
 * Results do not depend on the number of chunks or threads.
 */
export class Runtime {
  readonly allocator: Allocator;
  readonly exports: WasmExports;
  readonly relaxedSimd: boolean;
  readonly shared: boolean;
  /** Element steps (about 0.3 ns each) below which an operation stays on the calling thread. */
  minSharedWork = 65536;
  readonly #memory: WebAssembly.Memory;
  readonly #args: Int32Array;
  #pool: ThreadPool | undefined;
  #threads = 1;
  #epoch = -1;
  #u8 = new Uint8Array(0);
  #i32 = new Int32Array(0);
  #f32 = new Float32Array(0);

  constructor(module: WebAssembly.Module, memory: WebAssembly.Memory, shared: boolean) {
    this.#memory = memory;
    this.shared = shared;
    this.allocator = new Allocator(memory);
    const instance = new WebAssembly.Instance(module, {
      env: { memory, stalled: (done: number) => this.#pool?.stalled(done) ?? 0 },
    });
    this.exports = instance.exports as unknown as WasmExports;
    this.relaxedSimd = this.exports.isRelaxed() === 1;
    this.exports.setScratch(this.allocator.alloc(layout.scratchBytes));
    this.#args = this.i32();
  }

  static async create(options: RuntimeOptions = {}): Promise<Runtime> {
    const relaxed = options.deterministic !== true && options.relaxedSimd !== false && hasRelaxedSimd();
    const shared = typeof SharedArrayBuffer !== 'undefined';
    const module = await compileModule(relaxed, shared);
    const memory = new WebAssembly.Memory({ initial: 256, maximum: 65536, shared });
    const runtime = new Runtime(module, memory, shared);
    const threads = options.threads ?? 1;
    if (threads > 1 && shared && ThreadPool.isSupported()) await runtime.#startThreads(module, threads);
    return runtime;
  }

  async #startThreads(module: WebAssembly.Module, threads: number): Promise<void> {
    const host = {
      module,
      memory: this.#memory,
      allocScratch: () => this.allocator.alloc(layout.scratchBytes),
      runShared: (op: number, chunks: number) => this.exports.runShared(op, chunks),
    };
    this.#pool = await ThreadPool.start(host, threads - 1);
    this.#threads = threads;
  }

  /** Threads that take part, the calling one included. */
  get threads(): number {
    return this.#threads;
  }

  /** Ends the worker threads. */
  dispose(): void {
    this.#pool?.stop();
    this.#pool = undefined;
    this.#threads = 1;
  }

  /** Bytes over the whole memory. Take it anew for every use: growth makes a new one. */
  u8(): Uint8Array {
    this.#refresh();
    return this.#u8;
  }

  /** 32-bit integers over the whole memory; index = pointer / 4. */
  i32(): Int32Array {
    this.#refresh();
    return this.#i32;
  }

  /** Floats over the whole memory; index = pointer / 4. */
  f32(): Float32Array {
    this.#refresh();
    return this.#f32;
  }

  /** Whether an array over this buffer may be a view of the heap (shared memory has one buffer object per growth). */
  isHeapBuffer(buffer: ArrayBufferLike): boolean {
    return this.shared ? !(buffer instanceof ArrayBuffer) : buffer === this.#memory.buffer;
  }

  /** Bytes that the memory has, used or not. */
  get memoryBytes(): number {
    return this.#memory.buffer.byteLength;
  }

  /**
   * Runs operation `op` (a number of `OP`) with the given argument words (pointers and integers; floats through
   * `floatBits`), cut into `chunks` fixed ranges. Every chunk gives the same bits whoever runs it, and the
   * result must not depend on `chunks`.
   */
  dispatch(op: number, args: readonly number[], chunks = 1): void {
    const words = this.#argWords();
    const start = layout.args >> 2;
    for (let i = 0; i < args.length; i++) words[start + i] = args[i]!;
    if (chunks > 1 && this.#pool !== undefined) this.#pool.run(op, chunks);
    else this.exports.runAlone(op, chunks);
  }

  /**
   * Number of chunks for `units` independent units (rows, panels, …) that cost `unitWork` element steps each:
   * 1 where waking the other threads would cost more than it saves.
   */
  chunks(units: number, unitWork: number): number {
    if (this.#threads === 1 || units * unitWork < this.minSharedWork) return 1;
    return Math.max(1, Math.min(Math.floor(units), this.#threads * CHUNKS_PER_THREAD));
  }

  #argWords(): Int32Array {
    return this.shared ? this.#args : this.i32();
  }

  #refresh(): void {
    if (this.#epoch === this.allocator.epoch) return;
    const { buffer } = this.#memory;
    this.#u8 = new Uint8Array(buffer);
    this.#i32 = new Int32Array(buffer);
    this.#f32 = new Float32Array(buffer);
    this.#epoch = this.allocator.epoch;
  }
}
