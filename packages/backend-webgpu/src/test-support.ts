import { MoectError, type Tensor } from '@moect/core';
import * as ops from '@moect/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { type AdapterSummary, findAdapter } from './adapter.ts';
import type { MoectWebgpuBackend } from './backend.ts';
import { limitsOf } from './device-limits.ts';

/** The adapter that tests run on, or the reason for its absence. */
async function lookForAdapter(): Promise<AdapterSummary | string> {
  try {
    return await findAdapter();
  } catch (error) {
    if (!MoectError.isInstance(error)) throw error;
    return error.message;
  }
}

const adapter = await lookForAdapter();

/** For `describe.skipIf`. */
export const noAdapter: boolean = typeof adapter === 'string';
/** Reason for skipping, for the title of a suite. */
export const skipNote: string = typeof adapter === 'string' ? ` (skipped: ${adapter})` : '';

export const activeWebgpu = (): MoectWebgpuBackend => tf.backend() as MoectWebgpuBackend;

/** Limits the bytes of a tensor that the active backend binds, as smaller devices do; null: the device's limit. */
export function limitWebgpuBindings(bytes: number | null): void {
  const { limits, device } = activeWebgpu();
  Object.assign(limits, limitsOf(device), bytes !== null && { bindingBytes: bytes });
}

/** Values of an operation on a device that binds at most `floats` floats, and 5 workgroups in a dimension. */
export async function withFloats(floats: number, run: () => Tensor[]): Promise<Float32Array[]> {
  Object.assign(activeWebgpu().limits, { bindingBytes: 4 * floats, groupsPerDimension: 5 });
  const results = ops.tidy(run);
  const values = await Promise.all(results.map(async (x) => (await x.data()) as Float32Array));
  ops.dispose(results);
  return values;
}

/** Largest difference, as a share of the largest value. */
export function difference(given: readonly Float32Array[], expected: readonly Float32Array[]): number {
  const errors = given.map((values, i) => {
    const scale = expected[i]!.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
    return values.reduce((worst, x, j) => Math.max(worst, Math.abs(x - expected[i]![j]!)), 0) / scale;
  });
  return Math.max(...errors);
}
