import type { ParamMap, Tensor } from '@moect/core';
import { BLOCK_FORMATS, frozenStorageOf, keepsCompressed } from '@moect/tensor';

const FLOAT = 4;

/** Bytes of one value, in the storage that a tensor really has. */
function bytesPerValue(tensor: Tensor): number {
  const storage = frozenStorageOf(tensor);
  if (storage === 'float32' || !keepsCompressed()) return FLOAT;
  if (storage === 'bfloat16') return 2;
  if (storage === 'int8') return 1;
  const { bytes, values } = BLOCK_FORMATS[storage];
  return bytes / values;
}

/** Bytes of the weights as the backend holds them; a tied head counts once. */
export function weightBytes(parameters: ParamMap): number {
  return [...new Set(parameters.values())].reduce((sum, x) => sum + x.size * bytesPerValue(x), 0);
}

/** Whether matrices are held in float32, so that a smaller storage would save memory. */
export const holdsWideMatrices = (parameters: ParamMap): boolean =>
  [...parameters.values()].some((x) => x.rank > 1 && frozenStorageOf(x) === 'float32');
