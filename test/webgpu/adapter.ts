import { findAdapter } from '@moect/backend-webgpu';
import { MoectError } from '@moect/core';

async function lookForAdapter(): Promise<string | undefined> {
  try {
    await findAdapter();
    return undefined;
  } catch (error) {
    if (!MoectError.isInstance(error)) throw error;
    return error.message;
  }
}

/** Reason why tests of WebGPU are skipped; undefined where they run. */
export const webgpuObstacle: string | undefined = await lookForAdapter();
