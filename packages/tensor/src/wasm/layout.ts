/** Fixed addresses in the backend's memory; the same numbers as in assembly/layout.ts. */
export const layout = {
  generation: 64,
  remaining: 128,
  done: 192,
  error: 320,
  quit: 392,
  wide: 396,
  args: 512,
  argWords: 128,
  /** First address that the allocator hands out; constants of the module lie below. */
  heapStart: 65536,
  /** Scratch of one thread: packed A (98304), micro-tile (512), packed B (524288), fused kernels (1048576). */
  scratchBytes: 1671680,
} as const;

const floatView = new Float32Array(1);
const bitView = new Int32Array(floatView.buffer);

/** Bits of a float32, for passing a float through the integer argument block. */
export function floatBits(x: number): number {
  floatView[0] = x;
  return bitView[0]!;
}
