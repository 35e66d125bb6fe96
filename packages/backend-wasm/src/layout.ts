/** Fixed addresses in the backend's memory; the same numbers as in assembly/layout.ts. */
export const layout = {
  published: 64,
  finished: 128,
  signal: 256,
  failed: 320,
  quit: 448,
  wide: 452,
  args: 512,
  /** Words of arguments. */
  argWords: 128,
  /** Slots of the queue: the word of chunks to take is at 0 of a slot, arguments at `slotArgs`. */
  queue: 1024,
  slots: 32,
  slotBytes: 640,
  slotOp: 8,
  slotArgs: 128,
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
