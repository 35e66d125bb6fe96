// Where things lie in memory. Addresses below 65536 are fixed or hold constants of the module; the JavaScript side (src/layout.ts)
// uses the same numbers. Everything else is handed out by the JavaScript allocator.

/** Control words of the thread pool, each on a cache line of its own. Operations that were put into the queue so far. */
export const PUBLISHED: usize = 64;
/** Operations of the queue whose chunks are all done; the next one is worked on. */
export const FINISHED: usize = 128;
/** Threads that sleep on SIGNAL. */
export const SLEEPERS: usize = 192;
/** Changes when an operation was published or finished for which somebody may wait. */
export const SIGNAL: usize = 256;
/** 1 + number of the kind of operation that trapped; 0 where none did. */
export const FAILED: usize = 320;
/** 1 while the publishing thread sleeps on SIGNAL. */
export const WAITING: usize = 384;
export const QUIT: usize = 448;
/** 1 where the engine makes one 256-bit instruction of two adjacent vectors; written once, before the threads start. */
export const WIDE: usize = 452;

/** 128 words of arguments of an operation that runs on one thread. */
export const ARGS: usize = 512;

/** Slots of the queue; operation number n is in slot n mod SLOTS. */
export const SLOTS: i32 = 32;
const QUEUE: usize = 1024;
const SLOT_BYTES: usize = 640;
/**
 * In a slot, at 0: operation's number · 2^32 + chunks that nobody has taken · 2^16 + the first of them, in one word, so that a late
 * thread takes none of another operation.
 */
export const SLOT_OP: usize = 8;
export const SLOT_CHUNKS: usize = 12;
/** Chunks done. */
export const SLOT_DONE: usize = 64;
/** 128 words of arguments. */
export const SLOT_ARGS: usize = 128;

// @ts-ignore: decorator
@inline
export function slotOf(number: i32): usize {
  return QUEUE + <usize>(number & (SLOTS - 1)) * SLOT_BYTES;
}

/** Arguments of what this thread works on; each thread has its own instance of this module, so a global is per thread. */
let args: usize = ARGS;

// @ts-ignore: decorator
@inline
export function useArgs(at: usize): void {
  args = at;
}

/** Scratch of one thread: [packed A][tile][packed B][user]. */
export const SCRATCH_A: usize = 0;
export const SCRATCH_TILE: usize = 98304;
export const SCRATCH_B: usize = 98304 + 512;
export const SCRATCH_USER: usize = 98304 + 512 + 524288;
export const SCRATCH_USER_BYTES: usize = 1048576;

/** Start of this thread's scratch. */
let scratchBase: usize = 0;

export function setScratch(base: usize): void {
  scratchBase = base;
}

/** Start of the packed A panels of this thread (MC x KC floats). */
// @ts-ignore: decorator
@inline
export function scratchA(): usize {
  return scratchBase + SCRATCH_A;
}

/** A micro-tile for the edges of C. */
// @ts-ignore: decorator
@inline
export function scratchTile(): usize {
  return scratchBase + SCRATCH_TILE;
}

/** Start of the private packed B panels of this thread (KC x NC floats). */
// @ts-ignore: decorator
@inline
export function scratchB(): usize {
  return scratchBase + SCRATCH_B;
}

/** SCRATCH_USER_BYTES bytes that a fused kernel may use within one chunk. */
// @ts-ignore: decorator
@inline
export function scratchUser(): usize {
  return scratchBase + SCRATCH_USER;
}

// @ts-ignore: decorator
@inline
export function isWide(): i32 {
  return load<i32>(WIDE);
}

/** Integer argument i. */
// @ts-ignore: decorator
@inline
export function argI(i: i32): i32 {
  return load<i32>(args + (<usize>i << 2));
}

/** Address argument i. */
// @ts-ignore: decorator
@inline
export function argP(i: i32): usize {
  return <usize>load<u32>(args + (<usize>i << 2));
}

/** Float argument i (JavaScript passes it through `floatBits`). */
// @ts-ignore: decorator
@inline
export function argF(i: i32): f32 {
  return load<f32>(args + (<usize>i << 2));
}

/**
 * First unit of a chunk when n units are cut into `chunks` ranges whose borders are multiples of `align`.
 * rangeStart(n, chunks, chunks, align) = n. Threads take chunks from both ends; a range in the middle, with which
 * they end, is a seventh of the first, because the smaller those are the less they wait for each other.
 */
// @ts-ignore: decorator
@inline
export function rangeStart(n: i32, chunk: i32, chunks: i32, align: i32): i32 {
  const units = (n + align - 1) / align;
  // symmetric: f(x) = x (7 - 6 x) / 4 up to the middle
  const isLate = 2 * chunk > chunks;
  const c = <i64>(isLate ? chunks - chunk : chunk), all = <i64>chunks;
  const part = (<i64>units * c * (7 * all - 6 * c)) / (4 * all * all);
  const before = isLate ? <i64>units - part : part;
  return <i32>min(<i64>n, before * <i64>align);
}
