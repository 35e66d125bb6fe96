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
  /** Most bytes in use at once, since the start or `resetWasmHeapPeak`. */
  readonly peakBytes: number;
  /** End of the memory that was ever in use: the part that the process holds. */
  readonly usedBytes: number;
  /** Size of the WebAssembly memory, touched or not. */
  readonly capacityBytes: number;
  /** Largest size that the memory can have: 4 GiB, or the limit that was set. */
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

/** Restarts `peakBytes`. */
export function resetWasmHeapPeak(): void {
  allocatorInUse()?.resetPeak();
}

/**
 * Records the heap blocks that `work` takes and gives back, for `extrapolateHeap`. One recording at a time. null where
 * the backend is not started.
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
