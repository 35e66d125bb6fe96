/** Runs `work` and returns the number of compute dispatches between calls of `lap`, one for each call. */
export async function countDispatches(work: (lap: () => void) => Promise<void>): Promise<number[]> {
  type Encoder = { dispatchWorkgroups(...sizes: number[]): void };
  const { prototype } = (globalThis as unknown as { GPUComputePassEncoder: { prototype: Encoder } })
    .GPUComputePassEncoder;
  const { dispatchWorkgroups } = prototype;
  const laps: number[] = [];
  let count = 0;
  prototype.dispatchWorkgroups = function (...sizes) {
    count++;
    return dispatchWorkgroups.apply(this, sizes);
  };
  try {
    await work(() => {
      laps.push(count);
      count = 0;
    });
  } finally {
    prototype.dispatchWorkgroups = dispatchWorkgroups;
  }
  return laps;
}
