import { nodeBuiltin } from '@moect/kernels/host';

/**
 * Requirements of TensorFlow's GPU kernels, by version. tfjs-node-gpu downloads 2.9.1; setup:node-backend installs
 * 2.18.1, whose wheel asks for these packages of NVIDIA and has machine code for 6.x to 8.x and PTX 8.3 for 9.0,
 * which drivers read from 545 on.
 */
const WANTED: Readonly<Record<string, string>> = {
  '2.9.1': 'CUDA 11.2 and cuDNN 8.1 installed',
  '2.18.1':
    'driver 525 or newer (Hopper: 545) and compute capability 6.0 to 9.0; CUDA 12.5 and cuDNN 9.3 are beside it',
};

/** What files and the environment say about NVIDIA's driver. */
export interface NvidiaMachine {
  /** Its version; undefined without a driver. */
  readonly driver: string | undefined;
  /** The kernel's side is reachable, which it is not in a container without GPUs. */
  readonly hasDevice: boolean;
  /** This process has loaded the driver's library. */
  readonly hasLibrary: boolean;
  /** CUDA_VISIBLE_DEVICES hides the GPUs. */
  readonly isHidden: boolean;
}

interface Fs {
  existsSync(path: string): boolean;
  readFileSync(path: string, encoding: 'utf8'): string;
}

function read(fs: Fs, path: string): string | undefined {
  try {
    return fs.readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

function driverVersion(fs: Fs): string | undefined {
  const linux = read(fs, '/proc/driver/nvidia/version');
  if (linux !== undefined) return /\s(\d+\.\d[\d.]*)\s/.exec(linux)?.[1] ?? 'of unknown version';
  const ofWindows = ['/usr/lib/wsl/lib/libcuda.so.1', 'C:\\Windows\\System32\\nvcuda.dll'];
  return ofWindows.some((path) => fs.existsSync(path)) ? 'of Windows' : undefined;
}

export function lookForNvidia(): NvidiaMachine {
  const fs = nodeBuiltin<Fs>('node:fs')!;
  // undefined where one cannot tell
  const isLoaded = read(fs, '/proc/self/maps')?.includes('/libcuda.so');
  return {
    driver: driverVersion(fs) ?? (isLoaded === true ? 'of unknown version' : undefined),
    hasDevice: ['/dev/nvidiactl', '/dev/dxg'].some((path) => fs.existsSync(path)),
    hasLibrary: isLoaded ?? true,
    isHidden: /^(-1|NoDevFiles|$)/.test(process.env['CUDA_VISIBLE_DEVICES']?.trim() ?? '0'),
  };
}

/** Changes as soon as TensorFlow may find another device: earlier measurements do not count then. */
export function nvidiaState({ driver = 'none', hasDevice, isHidden }: NvidiaMachine): string {
  return `NVIDIA driver ${driver}${hasDevice ? '' : ', no device'}${isHidden ? ', hidden' : ''}`;
}

/** Why TensorFlow can find no GPU, as far as one can tell without loading it; undefined where there may be one. */
export function gpuObstacle({ driver, isHidden }: NvidiaMachine = lookForNvidia()): string | undefined {
  if (driver === undefined) return 'there is no NVIDIA driver';
  return isHidden ? 'CUDA_VISIBLE_DEVICES hides the GPUs' : undefined;
}

/**
 * Why a TensorFlow for GPUs computes on the CPU.
 * @param tensorflow version of the loaded TensorFlow
 */
export function whyNoGpu(tensorflow: string, machine: NvidiaMachine = lookForNvidia()): string {
  const wanted = WANTED[tensorflow];
  const wants = wanted === undefined ? '' : `; it wants ${wanted}`;
  const { driver, hasLibrary } = machine;
  const obstacle = gpuObstacle(machine);
  if (obstacle !== undefined) return driver === undefined ? `${obstacle}${wants}` : obstacle;
  if (hasLibrary) {
    return `no GPU that it can use with the NVIDIA driver ${driver}${wants}; TF_CPP_MIN_LOG_LEVEL=0 shows more`;
  }
  return `the NVIDIA driver ${driver} has no libcuda.so.1 here: a container gets it with its GPUs (docker run --gpus all)`;
}
