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

/** Checks the shape of a backend's saved tensor, which is not in the table. @throws ShapeMismatchError */
export function checkSaved(kernel: string, { shape }: TensorInfo, expected: readonly number[]): void {
  if (shape.join() === expected.join()) return;
  throw new ShapeMismatchError(`${kernel}: saved`, shape, `float32 [${expected.join(', ')}]`);
}
