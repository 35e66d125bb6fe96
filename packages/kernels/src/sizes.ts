import { ShapeMismatchError } from '@moect/core';
import { type TensorInfo, util } from '@tensorflow/tfjs-core';

/** Length of the last dimension. */
export function lastSize(info: TensorInfo): number {
  return info.shape.at(-1)!;
}

/** Number of elements. */
export function sizeOf(shape: readonly number[]): number {
  return util.sizeFromShape(shape as number[]);
}

/** For what a backend's own kernel gave, whose shape the table leaves to it. @throws ShapeMismatchError */
export function checkSaved(kernel: string, { shape }: TensorInfo, expected: readonly number[]): void {
  if (shape.join() === expected.join()) return;
  throw new ShapeMismatchError(`${kernel}: saved`, shape, `float32 [${expected.join(', ')}]`);
}
