import { engine } from '@tensorflow/tfjs-core';
import type { Allocator } from './allocator.ts';
import { MoectWasmBackend, WASM_BACKEND } from './backend.ts';
import { type HeapTrace, recordHeap } from './heap-trace.ts';

function allocatorInUse(): Allocator | null {
  const backend = engine().registry[WASM_BACKEND];
  return backend instanceof MoectWasmBackend ? backend.runtime.allocator : null;
}

/** Bytes in use on the backend's heap, rounded up as they are handed out; 0 before the backend is started. */
export function wasmHeapBytes(): number {
  return allocatorInUse()?.liveBytes ?? 0;
}

export interface WasmHeapStatistics {
  /** Bytes in use. */
  readonly liveBytes: number;
  /** Most of them at once, since the start or `resetWasmHeapPeak`. */
  readonly peakBytes: number;
  /** End of the memory that was ever in use: what the process holds of it. */
  readonly usedBytes: number;
  /** Size of the WebAssembly memory, touched or not. */
  readonly capacityBytes: number;
  /** Largest size that it can have: 4 GiB, or what was set. */
  readonly limitBytes: number;
}

/** How full the backend's heap is, or null before the backend is started. */
export function wasmHeapStatistics(): WasmHeapStatistics | null {
  const allocator = allocatorInUse();
  if (allocator === null) return null;
  const { liveBytes, peakBytes, top, limitBytes, memory } = allocator;
  const capacityBytes = memory.buffer.byteLength;
  return { liveBytes, peakBytes, usedBytes: top, capacityBytes, limitBytes };
}

/** Lets `peakBytes` count from now on. */
export function resetWasmHeapPeak(): void {
  allocatorInUse()?.resetPeak();
}

/**
 * Records what `work` takes of the heap and gives back, for `extrapolateHeap`. One recording at a time. null where the
 * backend is not started.
 */
export async function traceWasmHeap(work: () => Promise<unknown>): Promise<HeapTrace | null> {
  const allocator = allocatorInUse();
  if (allocator === null) return null;
  const stop = recordHeap(allocator);
  try {
    await work();
  } catch (error) {
    stop();
    throw error;
  }
  return stop();
}
