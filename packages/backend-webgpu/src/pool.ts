import * as tf from '@tensorflow/tfjs-core';
import type { MoectWebgpuBackend } from './backend.ts';
import { logitRows } from './kernels/linear-cross-entropy.ts';
import { type PoolTrace, recordPool } from './pool-trace.ts';
import { submit } from './program.ts';

/** Memory of the device in use, and what it allows. Bytes. */
export interface WebgpuMemory {
  /** In use, and waiting in the pool. */
  readonly usedBytes: number;
  /** Of one tensor. */
  readonly maxTensorBytes: number;
  /** The adapter computes on the CPU, in the memory of the machine. */
  readonly isSoftware: boolean;
}

function active(): MoectWebgpuBackend | null {
  return tf.getBackend() === 'webgpu' ? (tf.backend() as MoectWebgpuBackend) : null;
}

/** null where another backend is active. WebGPU does not tell how much memory there is. */
export function webgpuMemory(): WebgpuMemory | null {
  const backend = active();
  if (backend === null) return null;
  return {
    usedBytes: backend.bufferManager.numBytesAllocated,
    maxTensorBytes: backend.limits.bufferBytes,
    isSoftware: backend.isSoftware,
  };
}

/** Rows of logits that `linearCrossEntropy` holds at a time: from so many on they take no more memory. */
export function webgpuLogitRows(vocabSize: number): number {
  const backend = active();
  return backend === null ? 0 : logitRows(backend, vocabSize);
}

/** The parts of the pool and the backend that TensorFlow.js's types hide. */
interface Hidden {
  readonly commandEncoder: object | null;
  readonly bufferManager: { freeBuffers: Map<string, GPUBuffer[]>; numFreeBuffers: number };
}

/** Gives the memory that waits in the pool back to the device. Other work takes buffers of other sizes. */
export function emptyWebgpuPool(): void {
  const backend = active();
  if (backend !== null) emptyPool(backend);
}

/** The same for a backend that need not be the active one. */
export function emptyPool(backend: MoectWebgpuBackend): void {
  const { commandEncoder, bufferManager: pool } = backend as unknown as Hidden;
  // what is recorded may hold buffers that are free then
  if (commandEncoder !== null) submit(backend);
  for (const buffers of pool.freeBuffers.values()) {
    for (const buffer of buffers.splice(0)) {
      backend.bufferManager.numBytesAllocated -= buffer.size;
      buffer.destroy();
    }
  }
  pool.numFreeBuffers = 0;
}

/** Records what `work` takes of the device's memory; null where another backend is active. */
export async function traceWebgpuPool(work: () => Promise<unknown>): Promise<PoolTrace | null> {
  const backend = active();
  if (backend === null) return null;
  emptyWebgpuPool();
  const stop = recordPool(backend.bufferManager);
  try {
    await work();
  } catch (error) {
    stop();
    throw error;
  }
  return stop();
}
