import { Allocator } from './allocator.ts';
import { createMemory, type LimitedMemory } from './create-memory.ts';
import { OP } from './generated/wasm-ops.ts';
import { layout } from './layout.ts';
import { type CompiledModule, compileModule, hasRelaxedSimd } from './load-module.ts';
import { ThreadPool, trapError } from './pool.ts';
import { Staging } from './staging.ts';
import { threadObstacle } from './start-thread.ts';
import { isWideTileFaster, wantsWide } from './wide-vectors.ts';

/** Functions of assembly/index.ts. */
export interface WasmExports {
  runAlone(op: number, chunks: number): void;
  publish(op: number, chunks: number): void;
  help(most: number, room: number): number;
  chunkFailed(): void;
  setScratch(pointer: number): void;
  workerLoop(): void;
  isRelaxed(): number;
  sampleProduct(): void;
}

export interface RuntimeOptions {
  readonly threads?: number;
  readonly relaxedSimd?: boolean;
  readonly deterministic?: boolean;
  readonly wideVectors?: boolean;
  readonly maxMemoryBytes?: number;
  readonly createWorker?: () => unknown;
}

/** Chunks per thread: small enough that threads wait little for each other's last one. */
const CHUNKS_PER_THREAD = 16;
/** Element steps of the smallest chunk worth taking, as a share of those of the smallest operation worth sharing. */
const LEAST_CHUNK = 1 / 8;

/**
 * One wasm instance with its memory, and the calls into it: write arguments, run an operation in chunks.
 * Results do not depend on the number of chunks or threads.
 */
export class Runtime {
  readonly allocator: Allocator;
  readonly exports: WasmExports;
  readonly relaxedSimd: boolean;
  readonly wideVectors: boolean;
  readonly shared: boolean;
  /** Element steps (about 0.3 ns each) below which an operation stays on the calling thread. */
  minSharedWork = 65536;
  readonly #memory: WebAssembly.Memory;
  readonly #args: Int32Array;
  #pool: ThreadPool | undefined;
  #staging: Staging | undefined;
  #threadsNote: string | undefined;
  #epoch = -1;
  #u8 = new Uint8Array(0);
  #i32 = new Int32Array(0);
  #f32 = new Float32Array(0);

  constructor(compiled: CompiledModule, { memory, mostPages }: LimitedMemory, shared: boolean) {
    this.#memory = memory;
    this.shared = shared;
    this.allocator = new Allocator(memory, mostPages);
    const instance = new WebAssembly.Instance(compiled.module, {
      env: { memory, stalled: (progress: number) => this.#pool?.stalled(progress) ?? 0 },
    });
    this.exports = instance.exports as unknown as WasmExports;
    this.relaxedSimd = this.exports.isRelaxed() === 1;
    this.exports.setScratch(this.allocator.alloc(layout.scratchBytes));
    this.#args = this.i32();
    this.wideVectors = compiled.wideVectors;
    if (this.wideVectors) this.#chooseTile();
  }

  static async create(options: RuntimeOptions = {}): Promise<Runtime> {
    const relaxed = options.deterministic !== true && options.relaxedSimd !== false && hasRelaxedSimd();
    const obstacle = threadObstacle();
    const shared = obstacle === undefined;
    const compiled = await compileModule(relaxed, shared, wantsWide(options.wideVectors));
    const memory = createMemory(options.maxMemoryBytes, shared);
    const runtime = new Runtime(compiled, memory, shared);
    const threads = options.threads ?? 1;
    if (threads > 1) {
      if (shared) await runtime.#startThreads(compiled.module, threads, options.createWorker);
      else runtime.#threadsNote = obstacle;
    }
    return runtime;
  }

  #chooseTile(): void {
    const words = this.i32();
    const choose = (wide: boolean): void => {
      words[layout.wide >> 2] = wide ? 1 : 0;
    };
    choose(
      isWideTileFaster((wide) => {
        choose(wide);
        this.exports.sampleProduct();
      }),
    );
  }

  /** Threads are for speed only, so a thread that does not start is no error. */
  async #startThreads(
    module: WebAssembly.Module,
    threads: number,
    createWorker: (() => unknown) | undefined,
  ): Promise<void> {
    const { publish, help, chunkFailed } = this.exports;
    const allocScratch = (): number => this.allocator.alloc(layout.scratchBytes);
    const host = { module, memory: this.#memory, allocScratch, publish, help, chunkFailed, createWorker };
    try {
      this.#pool = await ThreadPool.start(host, threads - 1);
      this.#staging = new Staging(this.#memory, this.allocator.alloc(Staging.bytes));
    } catch (error) {
      this.#threadsNote = `worker threads did not start: ${(error as Error).message}`;
    }
  }

  /** Threads that take part, the calling one included. */
  get threads(): number {
    return (this.#pool?.workers ?? 0) + 1;
  }

  /** Why there is one thread where more were asked for. */
  get threadsNote(): string | undefined {
    return this.#threadsNote;
  }

  /** The pool of worker threads; undefined with one thread. */
  get pool(): ThreadPool | undefined {
    return this.#pool;
  }

  /** Ends the worker threads. */
  dispose(): void {
    const pool = this.#pool;
    try {
      if (pool?.isLost !== true) this.synchronize();
    } finally {
      this.#pool = undefined;
      pool?.stop();
    }
  }

  /** Bytes over the whole memory. Call this again for every use: growth makes a new view. */
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

  /** Size of the memory in bytes, used or not. */
  get memoryBytes(): number {
    return this.#memory.buffer.byteLength;
  }

  /**
   * Runs operation `op` (a number of `OP`) with the given argument words (pointers and integers; floats through
   * `floatBits`), cut into `chunks` fixed ranges. Every chunk gives the same bits whoever runs it, and the
   * result must not depend on `chunks`. Operations run in the order of these calls. With other threads this one and some
   * before it may still be pending when this returns: they run while JavaScript prepares the next one.
   * `synchronize` waits for them, and so does every read of values.
   * @throws Error when this operation or one before it trapped
   */
  dispatch(op: number, args: readonly number[], chunks = 1): void {
    const pool = this.#pool;
    if (pool !== undefined && (chunks > 1 || !pool.isIdle)) {
      pool.start(op, args, chunks);
      return;
    }
    const words = this.#argWords();
    const start = layout.args >> 2;
    for (let i = 0; i < args.length; i++) words[start + i] = args[i]!;
    this.#runAlone(op, chunks);
  }

  /**
   * Writes values to the heap after the operations that were dispatched so far, which may still read the same place.
   */
  store(pointer: number, values: Float32Array | Int32Array | Uint8Array): void {
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    const pool = this.#pool;
    if (pool?.isIdle === false) {
      const staged = this.#staging?.put(bytes);
      if (staged !== undefined) {
        pool.start(OP.COPY, [staged, pointer, bytes.length, 1, 1, 1, 0, 0], 1);
        return;
      }
    }
    this.u8().set(bytes, pointer);
    this.#staging?.clear();
  }

  /** Helps the other threads until all operations are done. @throws Error when one trapped */
  synchronize(): void {
    this.#pool?.finish();
  }

  /**
   * Number of chunks for `units` independent units (rows, panels, …) that cost `unitWork` element steps each:
   * 1 where waking the other threads would cost more than it saves.
   */
  chunks(units: number, unitWork: number): number {
    const { threads, minSharedWork } = this;
    const work = units * unitWork;
    if (threads === 1 || work < minSharedWork) return 1;
    const worthwhile = Math.min(units, work / (minSharedWork * LEAST_CHUNK), threads * CHUNKS_PER_THREAD);
    return Math.max(1, Math.floor(worthwhile));
  }

  #runAlone(op: number, chunks: number): void {
    try {
      this.exports.runAlone(op, chunks);
    } catch (error) {
      throw trapError(op, error);
    }
  }

  #argWords(): Int32Array {
    return this.shared ? this.#args : this.i32();
  }

  #refresh(): void {
    this.synchronize();
    if (this.#epoch === this.allocator.epoch) return;
    const { buffer } = this.#memory;
    this.#u8 = new Uint8Array(buffer);
    this.#i32 = new Int32Array(buffer);
    this.#f32 = new Float32Array(buffer);
    this.#epoch = this.allocator.epoch;
  }
}
