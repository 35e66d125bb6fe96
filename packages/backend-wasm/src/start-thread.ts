import { nodeBuiltin } from '@moect/kernels/host';
import { wasmThread } from './generated/wasm-thread.ts';

/** First message to a worker thread (src/thread.ts). */
export interface ThreadStart {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  /** Address of this thread's `layout.scratchBytes` bytes. */
  readonly scratch: number;
  /** Odd threads take chunks from the other end. */
  readonly isOdd: boolean;
}

/** The common interface of workers in browsers and in Node. */
interface AnyWorker {
  postMessage(message: ThreadStart): void;
  terminate(): unknown;
  unref?(): void;
  /** Node */
  on?(event: 'message' | 'error' | 'exit', listener: (value: unknown) => void): void;
  /** Browsers */
  addEventListener?(event: 'message' | 'error', listener: (event: { message?: string }) => void): void;
}

interface WorkerThreads {
  Worker: new (code: string, options: object) => AnyWorker;
}

/** A thread without a sign of life for this long counts as not started. */
const START_DEADLINE_MS = 20_000;

const isIsolated = (): boolean =>
  typeof SharedArrayBuffer !== 'undefined' &&
  (globalThis as { crossOriginIsolated?: boolean }).crossOriginIsolated !== false;

/** Whether this thread may sleep until another one wakes it; the main thread of a page may not. */
function canWait(): boolean {
  try {
    // the value differs, so this returns at once where it is allowed
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 1, 0);
    return true;
  } catch {
    return false;
  }
}

/** Why worker threads cannot share a memory here, or undefined where they can. */
export function threadObstacle(): string | undefined {
  if (!isIsolated()) {
    return 'there is no SharedArrayBuffer; a page gets it with the headers Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp';
  }
  if (!canWait()) return 'the main thread of a page may not wait for others; run the program in a Worker';
  const hasWorkers =
    nodeBuiltin('node:worker_threads') !== undefined || typeof globalThis.Worker === 'function';
  return hasWorkers ? undefined : 'this runtime has no workers';
}

function createDefaultWorker(): AnyWorker {
  const node = nodeBuiltin<WorkerThreads>('node:worker_threads');
  // execArgv: a worker needs neither loaders nor conditions of the main thread
  if (node !== undefined) return new node.Worker(wasmThread, { eval: true, execArgv: [] });
  const url = URL.createObjectURL(new Blob([wasmThread], { type: 'text/javascript' }));
  const worker = new globalThis.Worker(url);
  const revoke = (): void => URL.revokeObjectURL(url);
  worker.addEventListener('message', revoke, { once: true });
  worker.addEventListener('error', revoke, { once: true });
  return worker as unknown as AnyWorker;
}

/**
 * Starts one thread and waits until it is in its loop. `onEnd` is called when it ends after that.
 * Rejects with the reason when it does not start. Resolves to a function that ends it.
 */
export function startThread(
  start: ThreadStart,
  onEnd: () => void,
  createWorker: (() => unknown) | undefined,
): Promise<() => void> {
  return new Promise((resolve, reject) => {
    const worker = (createWorker?.() ?? createDefaultWorker()) as AnyWorker;
    let isReady = false;
    const fail = (reason: string): void => {
      clearTimeout(timer);
      if (isReady) onEnd();
      else {
        worker.terminate();
        reject(new Error(reason));
      }
    };
    const timer = setTimeout(() => fail('no answer'), START_DEADLINE_MS);
    const ready = (): void => {
      clearTimeout(timer);
      isReady = true;
      // from now on the process may end although the worker waits in wasm
      worker.unref?.();
      resolve(() => void worker.terminate());
    };
    const failed = (error: unknown): void =>
      fail((error as { message?: string }).message ?? 'a security policy of the page may forbid it');
    if (worker.on !== undefined) {
      worker.on('message', ready);
      worker.on('error', failed);
      worker.on('exit', () => fail('it ended'));
    } else {
      worker.addEventListener?.('message', ready);
      worker.addEventListener?.('error', failed);
    }
    worker.postMessage(start);
  });
}
