import { Allocator } from './allocator.ts';

/** Blocks taken and given back during a recording. */
export interface HeapTrace {
  /** Bytes in use at the start of the recording. */
  readonly startBytes: number;
  /** Requested bytes, by block. */
  readonly blocks: readonly number[];
  /** +n: block n − 1 is taken; −n: it is given back. */
  readonly events: readonly number[];
}

/** Bytes of the wasm heap that a computation needs. */
export interface HeapDemand {
  /** Largest number of bytes in use at once. */
  readonly peakBytes: number;
  /** End of the memory that is touched: the peak and the gaps between blocks. */
  readonly usedBytes: number;
}

/** Records the allocator until the returned function is called. */
export function recordHeap(allocator: Allocator): () => HeapTrace {
  const startBytes = allocator.liveBytes;
  const blocks: number[] = [];
  const events: number[] = [];
  const taken = new Map<number, number>();
  allocator.onEvent = (pointer, bytes, isTaken) => {
    if (isTaken) {
      blocks.push(bytes);
      taken.set(pointer, blocks.length);
      events.push(blocks.length);
    } else if (taken.has(pointer)) {
      // blocks from before the recording stay in startBytes
      events.push(-taken.get(pointer)!);
      taken.delete(pointer);
    }
  };
  return () => {
    allocator.onEvent = undefined;
    return { startBytes, blocks, events };
  };
}

/** A memory that only counts, larger than any request. */
function imaginaryMemory(): WebAssembly.Memory {
  const buffer = { byteLength: 2 ** 46 };
  return { buffer, grow: () => 0 } as unknown as WebAssembly.Memory;
}

/** A block taken, a block given back, or a block taken and given back at once. */
interface Moment {
  readonly kind: 'taken' | 'given back' | 'passing';
  readonly block: number;
  readonly bytes: number;
}

/**
 * Merges blocks taken and given back with no other event in between into one passing block, the largest of them:
 * loops over blocks of rows then look alike for any number of rows.
 */
function condense({ events, blocks }: HeapTrace): Moment[] {
  const moments: Moment[] = [];
  for (const event of events) {
    const block = Math.abs(event) - 1;
    const bytes = blocks[block]!;
    if (event > 0) {
      moments.push({ kind: 'taken', block, bytes });
      continue;
    }
    const inside = moments.at(-1)?.kind === 'passing' ? moments.pop()! : null;
    if (moments.at(-1)?.kind === 'taken' && moments.at(-1)!.block === block) {
      moments.pop();
      const before = moments.at(-1)?.kind === 'passing' ? moments.pop()!.bytes : 0;
      moments.push({ kind: 'passing', block, bytes: Math.max(before, bytes + (inside?.bytes ?? 0)) });
    } else {
      if (inside !== null) moments.push(inside);
      moments.push({ kind: 'given back', block, bytes });
    }
  }
  return moments;
}

/** Repeats a trace on a fresh allocator. */
function replay(startBytes: number, moments: readonly Moment[]): HeapDemand {
  const allocator = new Allocator(imaginaryMemory());
  allocator.alloc(startBytes);
  const taken = new Map<number, Moment & { readonly pointer: number }>();
  for (const moment of moments) {
    const { kind, block, bytes } = moment;
    if (kind === 'given back') {
      const { pointer, bytes } = taken.get(block)!;
      allocator.release(pointer, bytes);
      taken.delete(block);
      continue;
    }
    const pointer = allocator.alloc(bytes);
    if (kind === 'passing') allocator.release(pointer, bytes);
    else taken.set(block, { ...moment, pointer });
  }
  return { peakBytes: allocator.peakBytes, usedBytes: allocator.top };
}

/**
 * Heap demand of a computation on `first + factor · (second − first)` units, such as sequences, from its traces on two
 * numbers of units; its blocks grow linearly with the units. Each block is extrapolated by itself and the allocator
 * run again; where the traces differ in more than sizes, peak and end are extrapolated as such. Factor 0: the first.
 */
export function extrapolateHeap(first: HeapTrace, second: HeapTrace, factor: number): HeapDemand {
  const between = (a: number, b: number): number => Math.ceil(a + factor * (b - a));
  const [a, b] = [condense(first), condense(second)];
  const isAlike = a.length === b.length && a.every(({ kind }, i) => kind === b[i]!.kind);
  if (isAlike) {
    const sized = a.map((moment, i) => ({ ...moment, bytes: between(moment.bytes, b[i]!.bytes) }));
    return replay(first.startBytes, sized);
  }
  const [small, large] = [replay(first.startBytes, a), replay(second.startBytes, b)];
  return {
    peakBytes: between(small.peakBytes, large.peakBytes),
    usedBytes: between(small.usedBytes, large.usedBytes),
  };
}
