import { BackendUnavailableError } from '@moect/core';
import { nodeBuiltin } from '@moect/kernels/host';

interface Fs {
  readdirSync(path: string): string[];
}

const isLinux = (): boolean => globalThis.process?.platform === 'linux';

function names(folder: string): string[] {
  try {
    return nodeBuiltin<Fs>('node:fs')!.readdirSync(folder);
  } catch {
    return [];
  }
}

/** What drivers of GPUs put into /dev: the kernel's render nodes, NVIDIA's own, WSL's, and those of phones. */
const GPU_NODES = /^(nvidia\d+|nvidiactl|dxg|kfd|mali\d*|kgsl-3d0|nvhost-gpu|nvgpu)$/;

/**
 * Whether this machine may have a GPU. Linux shows each one in /dev; elsewhere and in browsers only WebGPU itself can tell.
 * Without one Dawn could only find a program on the CPU, and would print warnings of its own on the way.
 */
export function mayHaveGpu(): boolean {
  if (!isLinux()) return true;
  return names('/dev').some((name) => GPU_NODES.test(name)) || names('/dev/dri').length > 0;
}

/**
 * Dawn prints a warning for people of its own where it does not find Vulkan, so the same question is asked before.
 * @throws BackendUnavailableError where Linux has no Vulkan library
 */
export function requireVulkan(): void {
  if (!isLinux()) return;
  try {
    // Node refuses it, because it is no addon; the message says whether the system could load it
    process.dlopen({ exports: {} }, 'libvulkan.so.1');
  } catch (error) {
    if (!/cannot open shared object file|No such file/i.test((error as Error).message)) return;
    throw new BackendUnavailableError(
      'webgpu',
      'this system has no Vulkan library (libvulkan.so.1)',
      "Install libvulkan1 and the GPU's driver, or use another backend.",
    );
  }
}
