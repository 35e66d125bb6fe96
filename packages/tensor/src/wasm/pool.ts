import { BackendUnavailableError } from '@moect/core';
import { OP } from '../generated/wasm-ops.ts';
import { layout } from './layout.ts';
import { startThread } from './start-thread.ts';

/** What a pool needs of the runtime that it serves. */
export interface PoolHost {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  /** Address of `layout.scratchBytes` bytes for one worker. */
  allocScratch(): number;
  startShared(op: number, chunks: number): void;
  finishShared(chunks: number): number;
  /** Makes a worker that runs src/wasm-thread.ts, in place of one without a file. */
  readonly createWorker?: (() => unknown) | undefined;
}

/** Without a finished chunk for this long, a thread that took one counts as lost. */
const DEADLINE_MS = 120_000;
/** The most that counts between two looks at the clock: a process that was stopped, or a sleeping computer, lost nobody. */
const LONGEST_LOOK_MS = 100;

function nameOf(op: number): string {
  return Object.entries(OP).find(([, number]) => number === op)?.[0] ?? String(op);
}

/** What a trap in operation `op` is for people. */
export function trapError(op: number, cause: unknown): Error {
  const reason = cause instanceof Error ? cause.message : 'on a worker thread';
  return new Error(
    `wasm operation ${nameOf(op)} trapped (${reason}). This is a fault of the kernel: please report it with the shapes and dtypes in use.`,
    { cause },
  );
}

/** Worker threads that take chunks from a counter in shared memory (assembly/pool.ts). */
export class ThreadPool {
  /** See DEADLINE_MS; tests cannot wait for that long. */
  deadlineMs: number = DEADLINE_MS;
  readonly #host: PoolHost;
  readonly #words: Int32Array;
  readonly #ends = new Set<() => void>();
  #lost = false;
  /** The operation that was started and not yet finished; 0 chunks: none. */
  #op = 0;
  #chunks = 0;
  #lastDone = 0;
  #lastLook = 0;
  #waited = 0;

  private constructor(host: PoolHost) {
    this.#host = host;
    this.#words = new Int32Array(host.memory.buffer, 0, 1024);
  }

  /**
   * Starts threads and waits until each is in its loop. Fewer than `workers` may come up.
   * @throws Error with the reason when none does
   */
  static async start(host: PoolHost, workers: number): Promise<ThreadPool> {
    const pool = new ThreadPool(host);
    const started = await Promise.allSettled(Array.from({ length: workers }, () => pool.#startWorker()));
    if (pool.workers > 0) return pool;
    throw started.find((result) => result.status === 'rejected')?.reason;
  }

  /** Threads that wait for work; one that has died is gone from here as soon as this thread hears of it. */
  get workers(): number {
    return this.#ends.size;
  }

  async #startWorker(): Promise<void> {
    const { module, memory, createWorker } = this.#host;
    const scratch = this.#host.allocScratch();
    const { error, done } = layout;
    const start = { module, memory, scratch, error, done };
    const end = await startThread(start, () => this.#ends.delete(end), createWorker);
    this.#ends.add(end);
  }

  /** Import `env.stalled` of the main instance: called now and then while it waits, 1 makes it give up. */
  stalled(done: number): number {
    const now = Date.now();
    if (done !== this.#lastDone) {
      this.#lastDone = done;
      this.#waited = 0;
    } else {
      this.#waited += Math.min(Math.max(0, now - this.#lastLook), LONGEST_LOOK_MS);
    }
    this.#lastLook = now;
    return this.#waited > this.deadlineMs ? 1 : 0;
  }

  /** Gives the chunks of an operation to the workers, once the last one is finished; this thread helps in `finish`. */
  start(op: number, chunks: number): void {
    if (this.#lost) throw this.#lostError(op);
    this.#op = op;
    this.#chunks = chunks;
    this.#host.startShared(op, chunks);
  }

  /**
   * Helps with the operation that was started last until all of it is done; nothing where it is.
   * @throws Error when a chunk of it trapped, BackendUnavailableError when a thread is lost with its chunk
   */
  finish(): void {
    const [op, chunks] = [this.#op, this.#chunks];
    if (chunks === 0) return;
    this.#chunks = 0;
    this.#restartClock();
    let failure: unknown;
    try {
      if (this.#host.finishShared(chunks) !== 0) this.#lost = true;
    } catch (error) {
      failure = error;
      this.#finishAfterTrap(chunks);
    }
    if (this.#lost) throw this.#lostError(op);
    const elsewhere = Atomics.exchange(this.#words, layout.error >> 2, 0) !== 0;
    if (failure !== undefined || elsewhere) throw trapError(op, failure);
  }

  /** Our own chunk trapped: take what is left off the counter and wait for the chunks that others have begun. */
  #finishAfterTrap(chunks: number): void {
    const left = Math.max(0, Atomics.exchange(this.#words, layout.remaining >> 2, 0));
    this.#restartClock();
    for (;;) {
      const done = Atomics.load(this.#words, layout.done >> 2);
      if (done >= chunks - left - 1) return;
      if (this.stalled(done) !== 0) {
        this.#lost = true;
        return;
      }
      Atomics.wait(this.#words, layout.done >> 2, done, 1);
    }
  }

  #restartClock(): void {
    this.#lastDone = -1;
    this.#waited = 0;
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
    Atomics.add(this.#words, layout.generation >> 2, 1);
    Atomics.notify(this.#words, layout.generation >> 2);
    for (const end of this.#ends) end();
    this.#ends.clear();
  }
}
