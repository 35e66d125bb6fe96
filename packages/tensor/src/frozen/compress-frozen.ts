import { InvalidConfigError, ShapeMismatchError, type Tensor } from '@moect/core';
import {
  Compressed,
  type CompressedStorage,
  compressValues,
  type FrozenStorage,
  hasKernel,
  runKernel,
  widenValues,
} from '@moect/kernels';
import { asTf, fromTf, tf } from '../tf.ts';

/** Storage by data id: clones and reshapes of a compressed tensor are compressed too. */
const storages = new WeakMap<object, CompressedStorage>();

/** Storage that {@link compressFrozen} chose for a tensor's values; 'float32' for all other tensors. */
export function frozenStorageOf(x: Tensor): FrozenStorage {
  return storages.get(asTf(x).dataId) ?? 'float32';
}

/** Whether the active backend keeps values compressed; other backends round them and hold float32. */
export function keepsCompressed(): boolean {
  return hasKernel(Compressed);
}

/**
 * A read-only copy of a weight in fewer bytes: bfloat16 (half of float32; exact for weights that
 * came from a bfloat16 file, else rounded to nearest even, |w − w′| ≤ 2⁻⁸ · |w|), or int8 (a quarter) with a float32
 * scale for each output channel, |w − w′| ≤ scale / 2 where scale = max|w| / 127 of the channel. A product x · w′ᵀ is
 * off by at most Σ |x| times these bounds, besides the rounding of its float32 sums.
 *
 * On the wasm and webgpu backends matrix products and `embedding` read the compressed values in place. Any other
 * operation widens the whole tensor to float32 and frees that copy afterwards: correct, but as slow as a copy. Other
 * backends keep float32 and round the values in the same way, so that results agree; they save no memory.
 *
 * @param x float32 [out, in] (or [..., out, in]); the caller disposes it
 * Throws InvalidConfigError for a variable, ShapeMismatchError for other dtypes and ranks, NonFiniteError for NaN or
 * infinity in int8.
 */
export async function compressFrozen(x: Tensor, storage: CompressedStorage): Promise<Tensor> {
  if (asTf(x) instanceof tf.Variable) {
    const problem = { path: 'tensor', message: 'is a variable, which training changes' };
    throw new InvalidConfigError('compressFrozen', [problem], 'Only frozen weights can be compressed.');
  }
  if (x.dtype !== 'float32' || x.rank < 2) {
    throw new ShapeMismatchError(`weight to compress (${x.dtype})`, x.shape, 'float32 [out, in]');
  }
  const rows = x.size === 0 ? 0 : x.size / x.shape.at(-1)!;
  const values = compressValues((await x.data()) as Float32Array, rows, storage);
  const compressed = keepsCompressed()
    ? runKernel(Compressed, {}, { shape: x.shape, values })[0]
    : fromTf(tf.tensor(widenValues(values), x.shape));
  storages.set(asTf(compressed).dataId, storage);
  return compressed;
}
