import { ShapeMismatchError } from '@moect/core';
import type { TensorInfo } from '@tensorflow/tfjs-core';
import { inputsOf, type KernelCall, lastSize, numberAttr, sizeOf, type TakeInput } from './kernel-inputs.ts';

export interface GatePriorInputs {
  readonly take: TakeInput;
  /** Of one size, in this order. */
  readonly tensors: Readonly<Record<'logit' | 'classes' | 'documentIds', TensorInfo>>;
  readonly size: number;
  /** Classes that the gate should open for, and close for. */
  readonly positive: number;
  readonly negative: number;
  readonly positiveScale: number;
  readonly negativeScale: number;
}

/** What the prior on a gate and its gradient read. @throws ShapeMismatchError where sizes differ */
export function gatePriorInputs(name: string, call: KernelCall): GatePriorInputs {
  const take = inputsOf(name, call);
  const logit = take('logit', 'float32', ['…']);
  const size = sizeOf(logit.shape);
  const ids = (input: string): TensorInfo => {
    const info = take(input, 'int32', ['…']);
    if (sizeOf(info.shape) === size) return info;
    throw new ShapeMismatchError(`${name}: ${input}`, info.shape, `${size} numbers`);
  };
  return {
    take,
    tensors: { logit, classes: ids('classes'), documentIds: ids('documentIds') },
    size,
    positive: numberAttr(call, 'positive'),
    negative: numberAttr(call, 'negative'),
    positiveScale: numberAttr(call, 'positiveScale'),
    negativeScale: numberAttr(call, 'negativeScale'),
  };
}

export interface GateWeightInputs<Name extends string> {
  readonly tensors: Readonly<Record<Name, TensorInfo>>;
  /** Width of the inner layer. */
  readonly d: number;
  /** [.., 1], of the gate's logit and weight. */
  readonly shape: number[];
}

function innerOf(info: TensorInfo): { d: number; shape: number[] } {
  return { d: lastSize(info), shape: [...info.shape.slice(0, -1), 1] };
}

/** What the weight of a gate reads. */
export function gateWeightInputs(
  call: KernelCall,
): GateWeightInputs<'left' | 'right' | 'leftBias' | 'rightBias' | 'weight' | 'bias'> {
  const take = inputsOf('MoectGateWeight', call);
  const left = take('left', 'float32', ['…', 'inner']);
  const { d, shape } = innerOf(left);
  const tensors = {
    left,
    right: take('right', 'float32', left.shape),
    leftBias: take('leftBias', 'float32', [d]),
    rightBias: take('rightBias', 'float32', [d]),
    weight: take('weight', 'float32', [1, d]),
    bias: take('bias', 'float32', [1]),
  };
  return { tensors, d, shape };
}

/** What the gradient of a gate's weight reads. */
export function gateWeightGradInputs(
  call: KernelCall,
): GateWeightInputs<'weight' | 'probability' | 'inner' | 'dlogit' | 'dprobability'> {
  const take = inputsOf('MoectGateWeightGrad', call);
  const inner = take('inner', 'float32', ['…', 'inner']);
  const { d, shape } = innerOf(inner);
  const tensors = {
    weight: take('weight', 'float32', [1, d]),
    probability: take('probability', 'float32', shape),
    inner,
    dlogit: take('dlogit', 'float32', shape),
    dprobability: take('dprobability', 'float32', shape),
  };
  return { tensors, d, shape };
}
