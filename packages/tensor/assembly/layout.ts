// Where things lie in memory. Addresses below 65536 are fixed or hold constants of the module; the JavaScript side (src/wasm/layout.ts)
// uses the same numbers. Everything else is handed out by the JavaScript allocator.

/** Control words of the thread pool, each on a cache line of its own. */
export const GENERATION: usize = 64;
/** Chunks not yet taken; taken by decrement, so that a late worker can only see "none". */
export const REMAINING: usize = 128;
export const DONE: usize = 192;
export const SLEEPERS: usize = 256;
export const ERROR: usize = 320;
/** 1 while the dispatcher sleeps on DONE. */
export const WAITING: usize = 448;
export const OP: usize = 384;
export const CHUNKS: usize = 388;
export const QUIT: usize = 392;
/** 1 where the engine makes one 256-bit instruction of two adjacent vectors; written once, before the threads start. */
export const WIDE: usize = 396;

/** 128 words of arguments of the running operation. */
export const ARGS: usize = 512;

/** Scratch of one thread: [packed A][tile][packed B][user]. */
export const SCRATCH_A: usize = 0;
export const SCRATCH_TILE: usize = 98304;
export const SCRATCH_B: usize = 98304 + 512;
export const SCRATCH_USER: usize = 98304 + 512 + 524288;
export const SCRATCH_USER_BYTES: usize = 1048576;

/** Start of this thread's scratch; each thread has its own instance of this module, so a global is per thread. */
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
  return load<i32>(ARGS + (<usize>i << 2));
}

/** Address argument i. */
// @ts-ignore: decorator
@inline
export function argP(i: i32): usize {
  return <usize>load<u32>(ARGS + (<usize>i << 2));
}

/** Float argument i (JavaScript passes it through `floatBits`). */
// @ts-ignore: decorator
@inline
export function argF(i: i32): f32 {
  return load<f32>(ARGS + (<usize>i << 2));
}

/**
 * First unit of a chunk when n units are cut into `chunks` ranges whose borders are multiples of `align`.
 * rangeStart(n, chunks, chunks, align) = n.
 */
// @ts-ignore: decorator
@inline
export function rangeStart(n: i32, chunk: i32, chunks: i32, align: i32): i32 {
  const units = (n + align - 1) / align;
  return <i32>min(<i64>n, ((<i64>units * <i64>chunk) / <i64>chunks) * <i64>align);
}
