import { MoectError } from '@moect/core';
import { type BackendInfo, selectBackend } from '@moect/tensor';
import { findAdapter } from '@moect/tensor/webgpu';

export interface ChosenBackend {
  readonly info: BackendInfo;
  /** Why this one. */
  readonly reason: string;
}

/** Why there is no GPU to compute on, or null where there is one. A software adapter is slower than wasm. */
async function gpuObstacle(): Promise<string | null> {
  try {
    const { description, isSoftware } = await findAdapter();
    return isSoftware ? `WebGPU has only a software adapter (${description}).` : null;
  } catch (error) {
    if (!MoectError.isInstance(error)) throw error;
    return error.message
      .replace(/^Backend '\w+' cannot be used: /, '')
      .replace(error.hint, '')
      .trim();
  }
}

/** WebGPU on a real GPU, else WebAssembly; by name what was asked for. Throws BackendUnavailableError. */
export async function chooseBackend(asked: 'auto' | 'webgpu' | 'wasm'): Promise<ChosenBackend> {
  if (asked !== 'auto') return { info: await selectBackend(asked), reason: 'Chosen in the settings.' };
  const obstacle = await gpuObstacle();
  if (obstacle !== null) return { info: await selectBackend('wasm'), reason: obstacle };
  return { info: await selectBackend('webgpu'), reason: 'This device has a GPU.' };
}
