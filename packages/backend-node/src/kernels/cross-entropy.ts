import { CrossEntropy, CrossEntropyGrad } from '@moect/kernels';
import type { TensorInfo } from '@tensorflow/tfjs-core';
import { type Id, type Operations, withOperations } from '../operations.ts';
import { implement, type TensorflowCall } from '../tensorflow-backend.ts';

/** float [rows]: 0 where the target is negative. */
function counted(ops: Operations, targets: Id): Id {
  const { TF_ATTR_TYPE, TF_FLOAT } = ops.backend.binding;
  return ops.run(
    'Cast',
    [ops.run('GreaterEqual', [targets, ops.integer(0)])],
    [{ name: 'DstT', type: TF_ATTR_TYPE, value: TF_FLOAT }],
  );
}

/** Losses, and softmax(logits) − onehot for the gradient. */
function crossEntropy({
  backend,
  inputs,
}: TensorflowCall<typeof CrossEntropy>): readonly [TensorInfo, TensorInfo] {
  return withOperations(backend, (ops) => {
    const [logits, targets] = ops.inputs(inputs.logits, inputs.targets);
    const labels = ops.run('Maximum', [targets!, ops.integer(0)]);
    const both = ops.runAll('SparseSoftmaxCrossEntropyWithLogits', [logits!, labels], 2);
    return [ops.output(ops.run('Mul', [both[0]!, counted(ops, targets!)])), ops.output(both[1]!)];
  });
}

/** `saved` holds softmax(logits) − onehot here. */
function crossEntropyGrad({ backend, inputs }: TensorflowCall<typeof CrossEntropyGrad>): TensorInfo {
  return withOperations(backend, (ops) => {
    const [slope, targets, dlosses] = ops.inputs(inputs.saved, inputs.targets, inputs.dlosses);
    const factor = ops.run('Mul', [dlosses!, counted(ops, targets!)]);
    return ops.output(ops.run('Mul', [slope!, ops.reshape(factor, [-1, 1])]));
  });
}

export function registerCrossEntropy(): void {
  implement(CrossEntropy, crossEntropy);
  implement(CrossEntropyGrad, crossEntropyGrad);
}
