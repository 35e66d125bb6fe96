import { BackendUnavailableError } from '@moect/core';
import { OP } from './generated/wasm-ops.ts';
import { layout } from './layout.ts';
import { startThread } from './start-thread.ts';

/** The part of the runtime that a pool needs. */
export interface PoolHost {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  /** Address of `layout.scratchBytes` bytes for one worker. */
  allocScratch(): number;
  /** Functions of assembly/pool.ts. */
  publish(op: number, chunks: number): void;
  help(most: number, room: number): number;
  chunkFailed(): void;
  /** Makes a worker that runs src/thread.ts, in place of one without a file. */
  readonly createWorker?: (() => unknown) | undefined;
}

/**
 * Operations left for the workers when this thread stops helping. With too few the workers idle while JavaScript
 * prepares the next one; each operation that is not begun keeps results out of the caches.
 */
const AHEAD = 4;

/** Without a finished chunk for this long, a thread that took one counts as lost. */
const DEADLINE_MS = 120_000;
/** Longest time that counts between two reads of the clock: a stopped process or sleeping computer lost no thread. */
const LONGEST_LOOK_MS = 100;

function nameOf(op: number): string {
  return Object.entries(OP).find(([, number]) => number === op)?.[0] ?? String(op);
}

/** Error that explains a trap in operation `op`. */
export function trapError(op: number, cause: unknown): Error {
  const reason = cause instanceof Error ? cause.message : 'on a worker thread';
  return new Error(
    `wasm operation ${nameOf(op)} trapped (${reason}). This is a fault of the kernel: please report it with the shapes and dtypes in use.`,
    { cause },
  );
}

/** Worker threads that work through a queue of operations in shared memory (assembly/pool.ts), and this thread's side of it. */
export class ThreadPool {
  /** See DEADLINE_MS; tests cannot wait for that long. */
  deadlineMs: number = DEADLINE_MS;
  readonly #host: PoolHost;
  readonly #words: Int32Array;
  readonly #ends = new Set<() => void>();
  #lost: number | undefined;
  /** Operations put into the queue, as the word `layout.published`. */
  #published = 0;
  #lastProgress = 0;
  #lastLook = 0;
  #waited = 0;

  private constructor(host: PoolHost) {
    this.#host = host;
    this.#words = new Int32Array(host.memory.buffer, 0, layout.heapStart >> 2);
  }

  /**
   * Starts threads and waits until each is in its loop. Fewer than `workers` may come up.
   * @throws Error with the reason when none does
   */
  static async start(host: PoolHost, workers: number): Promise<ThreadPool> {
    const pool = new ThreadPool(host);
    const started = await Promise.allSettled(
      Array.from({ length: workers }, (_, i) => pool.#startWorker(i % 2 === 0)),
    );
    if (pool.workers > 0) return pool;
    throw started.find((result) => result.status === 'rejected')?.reason;
  }

  /** Number of threads that wait for work; a dead one stops counting as soon as this thread hears of it. */
  get workers(): number {
    return this.#ends.size;
  }

  async #startWorker(isOdd: boolean): Promise<void> {
    const { module, memory, createWorker } = this.#host;
    const scratch = this.#host.allocScratch();
    const start = { module, memory, scratch, isOdd };
    const end = await startThread(start, () => this.#ends.delete(end), createWorker);
    this.#ends.add(end);
  }

  /** Import `env.stalled` of the main instance: called now and then while it waits; 1 makes it give up. */
  stalled(progress: number): number {
    const now = Date.now();
    if (progress !== this.#lastProgress) {
      this.#lastProgress = progress;
      this.#waited = 0;
    } else {
      this.#waited += Math.min(Math.max(0, now - this.#lastLook), LONGEST_LOOK_MS);
    }
    this.#lastLook = now;
    return this.#waited > this.deadlineMs ? 1 : 0;
  }

  /** Whether a thread is lost with its chunk, so that the queue stands still for ever. */
  get isLost(): boolean {
    return this.#lost !== undefined;
  }

  /** Whether all operations are done. */
  get isIdle(): boolean {
    return Atomics.load(this.#words, layout.finished >> 2) === this.#published;
  }

  /**
   * Puts an operation at the end of the queue. Where the workers have enough to do, this thread helps them first.
   * @throws as `finish`, for an operation before this one
   */
  start(op: number, args: readonly number[], chunks: number): void {
    this.#help(AHEAD, layout.slots);
    this.#checkTrap();
    const words = this.#words;
    const slot = layout.queue + (this.#published & (layout.slots - 1)) * layout.slotBytes;
    const at = (slot + layout.slotArgs) >> 2;
    for (let i = 0; i < args.length; i++) words[at + i] = args[i]!;
    this.#published = (this.#published + 1) | 0;
    this.#host.publish(op, chunks);
  }

  /**
   * Helps until all operations are done.
   * @throws Error when a chunk trapped, after which the operations behind it were skipped;
   *   BackendUnavailableError when a thread is lost with its chunk
   */
  finish(): void {
    this.#help(0, 0);
    this.#checkTrap();
  }

  #checkTrap(): void {
    if (Atomics.load(this.#words, layout.failed >> 2) !== 0) this.#throwTrap(undefined);
  }

  #help(most: number, room: number): void {
    if (this.#unfinished() <= most) return;
    if (this.#lost !== undefined) throw this.#lostError(this.#lost);
    this.#lastProgress = -1;
    this.#waited = 0;
    let hasGivenUp: number;
    try {
      hasGivenUp = this.#host.help(most, room);
    } catch (error) {
      this.#host.chunkFailed();
      this.#throwTrap(error);
    }
    if (hasGivenUp !== 0) this.#lose();
  }

  #unfinished(): number {
    return (this.#published - Atomics.load(this.#words, layout.finished >> 2)) | 0;
  }

  /** Waits until no thread works, then throws. @param cause the error, if this thread ran the chunk */
  #throwTrap(cause: unknown): never {
    this.#help(0, 0);
    const op = Atomics.exchange(this.#words, layout.failed >> 2, 0) - 1;
    throw trapError(op, cause);
  }

  #lose(): never {
    const oldest = Atomics.load(this.#words, layout.finished >> 2) & (layout.slots - 1);
    this.#lost = this.#words[(layout.queue + oldest * layout.slotBytes + layout.slotOp) >> 2]!;
    throw this.#lostError(this.#lost);
  }

  #lostError(op: number): BackendUnavailableError {
    return new BackendUnavailableError(
      'moect-wasm',
      `in operation ${nameOf(op)} a worker thread took a part and gave no sign for ${this.deadlineMs / 1000} s`,
      'Start the process again from its last checkpoint, with { threads: 1 } if it happens once more.',
    );
  }

  /** Ends the workers. */
  stop(): void {
    Atomics.store(this.#words, layout.quit >> 2, 1);
    Atomics.add(this.#words, layout.signal >> 2, 1);
    Atomics.notify(this.#words, layout.signal >> 2);
    for (const end of this.#ends) end();
    this.#ends.clear();
  }
}
