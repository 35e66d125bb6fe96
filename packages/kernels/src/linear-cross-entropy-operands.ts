import { ShapeMismatchError } from '@moect/core';
import type { TensorInfo } from '@tensorflow/tfjs-core';
import { inputsOf, type KernelCall, sizeOf } from './kernel-inputs.ts';

/** Inputs [rows, in] and weights [vocabSize, in] of a call, checked. Throws ShapeMismatchError. */
export function linearCrossEntropyOperands(
  call: KernelCall,
  rows: number,
): { input: TensorInfo; weight: TensorInfo }[] {
  const take = inputsOf('MoectLinearCrossEntropy', call);
  const vocabSize = take('weight0', 'float32', ['vocabSize', 'in']).shape[0]!;
  return (call.attrs['trainable'] as boolean[]).map((_, i) => {
    const weight = take(`weight${i}`, 'float32', [vocabSize, 'in']);
    if (sizeOf(weight.shape) === 0) {
      throw new ShapeMismatchError('MoectLinearCrossEntropy: weight', weight.shape, 'no empty dimension');
    }
    return { weight, input: take(`input${i}`, 'float32', [rows, weight.shape[1]!]) };
  });
}
