import type { BaseModel, ForwardOptions, Tensor } from '@moect/core';
import { createRng, dispose, tensor } from '@moect/tensor';

/** Random ids, [batch, time] int32. */
export function tokenBatch(batch: number, time: number, vocabSize = 37, seed = 5): Tensor {
  return tensor(createRng(seed).integers(batch * time, vocabSize), [batch, time], 'int32');
}

/** All logits of one forward pass, on the host. */
export async function logitsOf(
  base: BaseModel,
  tokens: Tensor,
  options: ForwardOptions = {},
): Promise<Float32Array> {
  const result = base.forward(tokens, options);
  const values = (await result.logits.data()) as Float32Array;
  // a backend may hand out a view of its memory
  const copy = values.slice();
  dispose(result);
  return copy;
}
