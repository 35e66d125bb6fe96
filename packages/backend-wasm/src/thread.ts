// Code of the backend's worker threads. scripts/build-wasm.mjs makes src/generated/wasm-thread.ts of this module, so
// that threads start without a file; a page whose policy forbids that names this module as the file of its workers.
import type { ThreadStart } from './start-thread.ts';

interface Port {
  onmessage: ((event: { readonly data: ThreadStart }) => void) | null;
  postMessage(message: unknown): void;
  close(): void;
}

interface NodeProcess {
  getBuiltinModule?(name: 'node:worker_threads'): { readonly parentPort: Port | null };
}

const { process } = globalThis as { process?: NodeProcess };
const parent = process?.getBuiltinModule?.('node:worker_threads').parentPort;
const port = parent ?? (globalThis as unknown as Port);

/**
 * Stays in `workerLoop` until told to quit. A chunk that traps is reported and counted as done, so that no thread waits
 * for it for ever.
 */
function serve({ module, memory, scratch, isOdd }: ThreadStart): void {
  const { exports } = new WebAssembly.Instance(module, { env: { memory, stalled: () => 0 } });
  const { setScratch, takeFromEnd, workerLoop, chunkFailed } = exports as {
    setScratch(pointer: number): void;
    workerLoop(): void;
    chunkFailed(): void;
    takeFromEnd(): void;
  };
  setScratch(scratch);
  if (isOdd) takeFromEnd();
  port.postMessage('ready');
  for (;;) {
    try {
      workerLoop();
      return;
    } catch {
      chunkFailed();
    }
  }
}

port.onmessage = ({ data }) => {
  serve(data);
  port.close();
};
