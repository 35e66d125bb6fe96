import * as tf from '@tensorflow/tfjs-core';
import type { MoectWebgpuBackend } from './backend.ts';
import { logitRows } from './kernels/linear-cross-entropy.ts';
import { type PoolTrace, recordPool } from './pool-trace.ts';
import { submit } from './program.ts';

/** Memory in use on the device, and its limits, in bytes. */
export interface WebgpuMemory {
  /** Bytes in use or waiting in the pool. */
  readonly usedBytes: number;
  /** Most bytes of one tensor. */
  readonly maxTensorBytes: number;
  /** The adapter computes on the CPU, in the memory of the machine. */
  readonly isSoftware: boolean;
}

function active(): MoectWebgpuBackend | null {
  return tf.getBackend() === 'webgpu' ? (tf.backend() as MoectWebgpuBackend) : null;
}

/** null where another backend is active. WebGPU does not report the size of the memory. */
export function webgpuMemory(): WebgpuMemory | null {
  const backend = active();
  if (backend === null) return null;
  return {
    usedBytes: backend.bufferManager.numBytesAllocated,
    maxTensorBytes: backend.limits.bufferBytes,
    isSoftware: backend.isSoftware,
  };
}

/** Rows of logits that `linearCrossEntropy` holds at a time: more rows take no more memory. */
export function webgpuLogitRows(vocabSize: number): number {
  const backend = active();
  return backend === null ? 0 : logitRows(backend, vocabSize);
}

/** The parts of the pool and the backend that TensorFlow.js's types hide. */
interface Hidden {
  readonly commandEncoder: object | null;
  readonly bufferManager: { freeBuffers: Map<string, GPUBuffer[]>; numFreeBuffers: number };
}

/** Returns the pooled buffers to the device: other work takes buffers of other sizes. */
export function emptyWebgpuPool(): void {
  const backend = active();
  if (backend !== null) emptyPool(backend);
}

/** Empties the pool of a backend that need not be the active one. */
export function emptyPool(backend: MoectWebgpuBackend): void {
  const { commandEncoder, bufferManager: pool } = backend as unknown as Hidden;
  // recorded work may hold buffers that the pool counts as free
  if (commandEncoder !== null) submit(backend);
  for (const buffers of pool.freeBuffers.values()) {
    for (const buffer of buffers.splice(0)) {
      backend.bufferManager.numBytesAllocated -= buffer.size;
      buffer.destroy();
    }
  }
  pool.numFreeBuffers = 0;
}

/** Records the device memory that `work` takes; null where another backend is active. */
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
