import { InvalidConfigError, ShapeMismatchError, type Tensor } from '@moect/core';
import {
  type BlockValues,
  Compressed,
  type CompressedStorage,
  type CompressedValues,
  checkBlocks,
  compressValues,
  hasKernel,
  type MatrixStorage,
  runKernel,
  widenValues,
} from '@moect/kernels';
import { asTf, fromTf, tf } from '../tf.ts';

/** Storage by data id: clones and reshapes of a compressed tensor are compressed too. */
const storages = new WeakMap<object, MatrixStorage>();

/** Storage of a tensor of {@link compressFrozen} or {@link frozenFromBlocks}; 'float32' for all other tensors. */
export function frozenStorageOf(x: Tensor): 'float32' | MatrixStorage {
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
  return held(compressValues((await x.data()) as Float32Array, rows, storage), x.shape);
}

/**
 * A read-only matrix from GGML's blocks, as a GGUF file has them. The wasm and webgpu backends keep the blocks and read them
 * in place in matrix products and `embedding`, like the storages of {@link compressFrozen}; other backends widen them here.
 * The values are exactly those of GGML's reference, `widenValues`.
 * @returns float32 [rows, columns]
 * @throws ShapeMismatchError if columns are no whole blocks, or the codes have another length than the rows
 */
export function frozenFromBlocks(blocks: BlockValues): Tensor {
  checkBlocks(blocks);
  return held(blocks, [blocks.rows, blocks.columns]);
}

function held(values: CompressedValues, shape: readonly number[]): Tensor {
  const tensor = keepsCompressed()
    ? runKernel(Compressed, {}, { shape, values })[0]
    : fromTf(tf.tensor(widenValues(values), [...shape]));
  storages.set(asTf(tensor).dataId, values.storage);
  return tensor;
}
