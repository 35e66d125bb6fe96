import { BackendUnavailableError } from '@moect/core';
import { layout } from './layout.ts';
import { nodeBuiltin } from './load-module.ts';

/** What a pool needs of the runtime that it serves. */
export interface PoolHost {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  /** Address of `layout.scratchBytes` bytes for one worker. */
  allocScratch(): number;
  runShared(op: number, chunks: number): number;
}

interface NodeWorker {
  on(event: string, listener: (value: unknown) => void): void;
  unref(): void;
}

interface WorkerThreads {
  Worker: new (code: string, options: object) => NodeWorker;
}

/** Without a finished chunk for this long, the workers count as lost. */
const DEADLINE_MS = 120_000;

/**
 * Body of a worker. It stays in `workerLoop` for good; a trap in a chunk is reported through the error word and
 * the chunk counted as done, so that the dispatcher does not wait for it for ever.
 */
const workerCode = `
const { parentPort, workerData } = require('node:worker_threads');
const { module, memory, scratch, error, done } = workerData;
const words = new Int32Array(memory.buffer);
const { exports } = new WebAssembly.Instance(module, { env: { memory, stalled: () => 0 } });
exports.setScratch(scratch);
parentPort.postMessage('ready');
for (;;) {
  try {
    exports.workerLoop();
    break;
  } catch {
    Atomics.store(words, error >> 2, 1);
    Atomics.add(words, done >> 2, 1);
  }
}
`;

/** Worker threads of Node that take chunks from a counter in shared memory (assembly/pool.ts). */
export class ThreadPool {
  readonly #host: PoolHost;
  readonly #words: Int32Array;
  #lost = false;
  #lastDone = 0;
  #lastProgress = 0;

  private constructor(host: PoolHost) {
    this.#host = host;
    this.#words = new Int32Array(host.memory.buffer, 0, 1024);
  }

  /** Whether this platform can run worker threads on one memory. */
  static isSupported(): boolean {
    return typeof SharedArrayBuffer !== 'undefined' && nodeBuiltin('node:worker_threads') !== undefined;
  }

  /** Starts `workers` threads and waits until each is in its loop. @throws BackendUnavailableError */
  static async start(host: PoolHost, workers: number): Promise<ThreadPool> {
    const pool = new ThreadPool(host);
    const threads = nodeBuiltin<WorkerThreads>('node:worker_threads')!;
    await Promise.all(Array.from({ length: workers }, () => pool.#startWorker(threads)));
    return pool;
  }

  #startWorker({ Worker }: WorkerThreads): Promise<void> {
    const { module, memory } = this.#host;
    const workerData = {
      module,
      memory,
      scratch: this.#host.allocScratch(),
      error: layout.error,
      done: layout.done,
    };
    return new Promise((resolve, reject) => {
      // execArgv: a worker needs neither loaders nor conditions of the main thread
      const worker = new Worker(workerCode, { eval: true, workerData, execArgv: [] });
      worker.on('message', () => {
        // from now on the process may end although the worker waits in wasm
        worker.unref();
        resolve();
      });
      worker.on('error', (error) => {
        this.#lost = true;
        const reason = `a worker thread failed (${(error as Error).message})`;
        reject(new BackendUnavailableError('moect-wasm', reason, 'Use { threads: 1 }.', error));
      });
    });
  }

  /** Import `env.stalled` of the main instance: called now and then while it waits, 1 makes it give up. */
  stalled(done: number): number {
    const now = Date.now();
    if (done !== this.#lastDone || this.#lastProgress === 0) {
      this.#lastDone = done;
      this.#lastProgress = now;
    }
    return this.#lost || now - this.#lastProgress > DEADLINE_MS ? 1 : 0;
  }

  /** Runs the chunks of an operation on all threads. @throws when a chunk traps or the workers are lost */
  run(op: number, chunks: number): void {
    if (this.#lost) throw this.#lostError();
    this.#lastProgress = 0;
    let failed = false;
    try {
      if (this.#host.runShared(op, chunks) !== 0) this.#lost = true;
    } catch {
      failed = true;
      this.#finishAfterTrap(chunks);
    }
    if (this.#lost) throw this.#lostError();
    if (Atomics.exchange(this.#words, layout.error >> 2, 0) !== 0) failed = true;
    if (failed)
      throw new Error(`wasm operation ${op} trapped (an address out of bounds, or an unknown operation).`);
  }

  /** Our own chunk trapped: take what is left off the counter and wait for the chunks that others have begun. */
  #finishAfterTrap(chunks: number): void {
    const left = Math.max(0, Atomics.exchange(this.#words, layout.remaining >> 2, 0));
    this.#lastProgress = 0;
    for (;;) {
      const done = Atomics.load(this.#words, layout.done >> 2);
      if (done >= chunks - left - 1) return;
      if (this.stalled(done) !== 0) {
        this.#lost = true;
        return;
      }
    }
  }

  #lostError(): BackendUnavailableError {
    return new BackendUnavailableError(
      'moect-wasm',
      `its worker threads gave no sign for ${DEADLINE_MS / 1000} s`,
      'Start the process again, with { threads: 1 } if it happens once more.',
    );
  }

  /** Ends the workers. */
  stop(): void {
    Atomics.store(this.#words, layout.quit >> 2, 1);
    Atomics.add(this.#words, layout.generation >> 2, 1);
    Atomics.notify(this.#words, layout.generation >> 2);
  }
}
