import type { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu';

type Pool = WebGPUBackend['bufferManager'];

interface TakenBuffer {
  readonly bytes: number;
  readonly usage: number;
  /** Returns to the pool when released, where the next buffer of its size and usage reuses it. */
  readonly isPooled: boolean;
}

/** Buffers taken and given back during a recording. */
export interface PoolTrace {
  /** Bytes in use at the beginning; the pool held no other buffers. */
  readonly startBytes: number;
  readonly buffers: readonly TakenBuffer[];
  /** +n: buffer n − 1 is taken; −n: it is given back. */
  readonly events: readonly number[];
}

/** GPU memory that a piece of work takes. */
export interface PoolDemand {
  /** Largest number of bytes in use at once. */
  readonly peakBytes: number;
  /** Most bytes that the device holds at once, in use or waiting in the pool for reuse. */
  readonly usedBytes: number;
  /** Bytes of the largest buffer. */
  readonly largestBytes: number;
}

/** Records the pool until the returned function is called. */
export function recordPool(pool: Pool): () => PoolTrace {
  const startBytes = pool.numBytesUsed;
  const buffers: TakenBuffer[] = [];
  const events: number[] = [];
  const taken = new Map<GPUBuffer, number>();
  const { acquireBuffer, releaseBuffer } = pool;
  pool.acquireBuffer = (bytes, usage, mappedAtCreation, reuse = true) => {
    const buffer = acquireBuffer.call(pool, bytes, usage, mappedAtCreation, reuse);
    buffers.push({ bytes, usage, isPooled: reuse });
    taken.set(buffer, buffers.length);
    events.push(buffers.length);
    return buffer;
  };
  pool.releaseBuffer = (buffer, reuse) => {
    // buffers from before the recording stay in startBytes
    if (taken.has(buffer)) events.push(-taken.get(buffer)!);
    taken.delete(buffer);
    releaseBuffer.call(pool, buffer, reuse);
  };
  return () => {
    Object.assign(pool, { acquireBuffer, releaseBuffer });
    return { startBytes, buffers, events };
  };
}

/** Repeats the events of a trace on an empty pool. */
function replay({ startBytes, buffers, events }: PoolTrace): { peakBytes: number; usedBytes: number } {
  const free = new Map<string, number>();
  let [inUse, held] = [startBytes, startBytes];
  let [peakBytes, usedBytes] = [inUse, held];
  for (const event of events) {
    const { bytes, usage, isPooled } = buffers[Math.abs(event) - 1]!;
    const key = `${bytes} ${usage}`;
    const waiting = free.get(key) ?? 0;
    if (event > 0) {
      inUse += bytes;
      if (isPooled && waiting > 0) free.set(key, waiting - 1);
      else held += bytes;
    } else {
      inUse -= bytes;
      if (isPooled) free.set(key, waiting + 1);
      else held -= bytes;
    }
    peakBytes = Math.max(peakBytes, inUse);
    usedBytes = Math.max(usedBytes, held);
  }
  return { peakBytes, usedBytes };
}

const largest = (buffers: readonly TakenBuffer[]): number =>
  buffers.reduce((most, { bytes }) => Math.max(most, bytes), 0);

/**
 * GPU memory of work on `first + factor · (second − first)` units with which its buffers grow linearly, such as
 * sequences, from traces of two numbers of units. Each buffer is extrapolated by itself and the events repeated; if
 * the traces differ in more than sizes, their results are extrapolated instead. Factor 0 repeats the first.
 */
export function extrapolatePool(first: PoolTrace, second: PoolTrace, factor: number): PoolDemand {
  const between = (a: number, b: number): number => Math.ceil((a + factor * (b - a)) / 4) * 4;
  const isAlike = first.events.join() === second.events.join();
  if (isAlike) {
    const buffers = first.buffers.map((buffer, i) => ({
      ...buffer,
      bytes: between(buffer.bytes, second.buffers[i]!.bytes),
    }));
    const demand = replay({ startBytes: first.startBytes, buffers, events: first.events });
    return { ...demand, largestBytes: largest(buffers) };
  }
  const [small, large] = [replay(first), replay(second)];
  return {
    peakBytes: between(small.peakBytes, large.peakBytes),
    usedBytes: between(small.usedBytes, large.usedBytes),
    largestBytes: between(largest(first.buffers), largest(second.buffers)),
  };
}
