import { BackendUnavailableError } from '@moect/core';
import { sizeOf } from '@moect/kernels';
import type { TensorInfo } from '@tensorflow/tfjs-core';

/** Limits of a device. Tests set them lower than those of any device. */
export interface DeviceLimits {
  /** Most bytes of a tensor that a shader binds at once; kernels process larger tensors in parts. */
  bindingBytes: number;
  /** Most bytes of one tensor. */
  bufferBytes: number;
  /** Most workgroups along one dimension of a dispatch. */
  groupsPerDimension: number;
}

export function limitsOf({ limits }: GPUDevice): DeviceLimits {
  return {
    bindingBytes: limits.maxStorageBufferBindingSize,
    bufferBytes: limits.maxBufferSize,
    groupsPerDimension: limits.maxComputeWorkgroupsPerDimension,
  };
}

const FLOAT = 4;

/** On the device every dtype takes four bytes. */
export function deviceBytes(shape: readonly number[]): number {
  return FLOAT * sizeOf(shape);
}

const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toPrecision(3)} MiB`;

/** @throws BackendUnavailableError where a tensor is larger than a buffer of the device may be */
export function checkBufferSize({ bufferBytes }: DeviceLimits, shape: readonly number[]): void {
  const bytes = deviceBytes(shape);
  if (bytes <= bufferBytes) return;
  throw new BackendUnavailableError(
    'webgpu',
    `a tensor [${shape}] takes ${mebibytes(bytes)}, and a buffer of this GPU at most ${mebibytes(bufferBytes)}`,
    'Take fewer or shorter sequences in a batch (training.batchSize, data.sequenceLength) where it grows with them; ' +
      'for a weight use another backend or a smaller model.',
  );
}

/**
 * @param isPart the kernel processes the tensor in parts, and this is one of them
 * @throws BackendUnavailableError where a kernel must bind more of a tensor at once than the device allows
 */
export function checkBindingSize(
  { bindingBytes }: DeviceLimits,
  { shape }: Pick<TensorInfo, 'shape'>,
  bytes: number,
  kernel: string,
  isPart = false,
): void {
  if (bytes <= bindingBytes) return;
  throw new BackendUnavailableError(
    'webgpu',
    `${kernel} needs ${mebibytes(bytes)} of a tensor [${shape}] at once, and this GPU binds at most ` +
      mebibytes(bindingBytes),
    isPart
      ? 'Fewer sequences would not help. Take shorter ones (data.sequenceLength) where it is an activation, a model ' +
          'with smaller layers where it is a weight, or another backend.'
      : 'Take fewer or shorter sequences in a batch (training.batchSize with training.accumulation, ' +
          'data.sequenceLength), or another backend.',
  );
}
