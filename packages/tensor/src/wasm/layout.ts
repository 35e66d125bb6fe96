/** Fixed addresses in the backend's memory; the same numbers as in assembly/layout.ts. */
export const layout = {
  generation: 64,
  remaining: 128,
  done: 192,
  error: 320,
  quit: 392,
  args: 512,
  argWords: 128,
  /** First address that the allocator hands out; constants of the module lie below. */
  heapStart: 65536,
  /** Scratch of one thread: packed A, micro-tile, packed B, room for fused kernels. */
  scratchBytes: 98304 + 512 + 524288 + 1048576,
} as const;

const floatView = new Float32Array(1);
const bitView = new Int32Array(floatView.buffer);

/** Bits of a float32, for passing a float through the integer argument block. */
export function floatBits(x: number): number {
  floatView[0] = x;
  return bitView[0]!;
}
