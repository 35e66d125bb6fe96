import { ShapeMismatchError } from '@moect/core';
import { type NamedAttrMap, type NamedTensorInfoMap, type TensorInfo, util } from '@tensorflow/tfjs-core';

/** What every kernel gets, on any backend. */
export interface KernelCall {
  readonly inputs: NamedTensorInfoMap;
  readonly attrs: NamedAttrMap;
}

/** A size, a name for any size, or in first place '…' for any leading dimensions. */
export type ExpectedShape = readonly (number | string)[];

export type TakeInput = (name: string, dtype: 'float32' | 'int32', shape: ExpectedShape) => TensorInfo;

/** Reads the inputs of a kernel call; each must be there with the dtype and shape that the kernel needs. */
export function inputsOf(kernelName: string, call: KernelCall): TakeInput {
  return (name, dtype, shape) => {
    const info = call.inputs[name];
    const expected = `${dtype} [${shape.join(', ')}]`;
    if (info === undefined || info === null) {
      throw new ShapeMismatchError(`${kernelName}: ${name} (missing)`, [], expected);
    }
    if (!fits(info.shape, shape))
      throw new ShapeMismatchError(`${kernelName}: ${name}`, info.shape, expected);
    if (info.dtype !== dtype) {
      throw new ShapeMismatchError(
        `${kernelName}: ${name} (dtype ${info.dtype})`,
        info.shape,
        expected,
        `Cast it to ${dtype} first.`,
      );
    }
    return info;
  };
}

function fits(given: readonly number[], expected: ExpectedShape): boolean {
  const open = expected[0] === '…';
  const tail = open ? expected.slice(1) : expected;
  if (open ? given.length < tail.length : given.length !== tail.length) return false;
  const skipped = given.length - tail.length;
  return tail.every((size, i) => typeof size === 'string' || size === given[skipped + i]);
}

/** Length of the last dimension. */
export function lastSize(info: TensorInfo): number {
  return info.shape.at(-1)!;
}

/** Number of elements. */
export function sizeOf(shape: readonly number[]): number {
  return util.sizeFromShape(shape as number[]);
}

/** A numeric attribute. */
export function numberAttr(call: KernelCall, name: string): number {
  const value = call.attrs[name];
  if (typeof value !== 'number')
    throw new TypeError(`The attribute '${name}' must be a number, not ${value}.`);
  return value;
}
