import { ShapeMismatchError } from '@moect/core';
import type { TensorInfo } from '@tensorflow/tfjs-core';
import type { Check } from '../spec.ts';

const sizeOf = ({ shape }: TensorInfo): number => shape.reduce((a, b) => a * b, 1);

function hasOneOfEach({ kernel, inputs }: Parameters<Check>[0]): void {
  const { logit, classes, documentIds } = inputs as Record<string, TensorInfo>;
  const size = sizeOf(logit!);
  for (const [name, info] of [['classes', classes!] as const, ['documentIds', documentIds!] as const]) {
    if (sizeOf(info) !== size)
      throw new ShapeMismatchError(`${kernel}: ${name}`, info.shape, `${size} numbers`);
  }
}

/** logit = weight · tanh(left + leftBias + right + rightBias) + bias; `tanh` is for the gradient. */
export const GateWeight = {
  name: 'MoectGateWeight',
  inputs: {
    left: ['float32', '…', 'inner'],
    right: ['float32', '…', 'inner'],
    leftBias: ['float32', 'inner'],
    rightBias: ['float32', 'inner'],
    weight: ['float32', 1, 'inner'],
    bias: ['float32', 1],
  },
  outputs: [
    ['logit', 'float32', '…', 1],
    ['probability', 'float32', '…', 1],
    ['tanh', 'float32', '…', 'inner'],
  ],
} as const;

/** `dsum` is the gradient of left and of right, `dinnerBias` that of both their biases. */
export const GateWeightGrad = {
  name: 'MoectGateWeightGrad',
  inputs: {
    weight: ['float32', 1, 'inner'],
    probability: ['float32', '…', 1],
    tanh: ['float32', '…', 'inner'],
    dlogit: ['float32', '…', 1],
    dprobability: ['float32', '…', 1],
  },
  outputs: [
    ['dsum', 'float32', '…', 'inner'],
    ['dinnerBias', 'float32', 'inner'],
    ['dweight', 'float32', 1, 'inner'],
    ['dbias', 'float32', 1],
  ],
} as const;

/**
 * Σ −log σ(logit) over the tokens whose class is `positive`, Σ −log(1 − σ(logit)) over those of class `negative`, each
 * times its scale. Negative document numbers are padding. Ids have any shape with one id for each logit.
 */
export const GatePrior = {
  name: 'MoectGatePrior',
  inputs: {
    logit: ['float32', '…'],
    classes: ['int32', '…classes'],
    documentIds: ['int32', '…documentIds'],
  },
  attrs: { positive: 'number', negative: 'number', positiveScale: 'number', negativeScale: 'number' },
  outputs: [
    ['positive', 'float32'],
    ['negative', 'float32'],
  ],
  check: hasOneOfEach as Check,
} as const;

export const GatePriorGrad = {
  name: 'MoectGatePriorGrad',
  inputs: {
    logit: ['float32', '…'],
    classes: ['int32', '…classes'],
    documentIds: ['int32', '…documentIds'],
    dpositive: ['float32'],
    dnegative: ['float32'],
  },
  attrs: { positive: 'number', negative: 'number', positiveScale: 'number', negativeScale: 'number' },
  outputs: [['dlogit', 'float32', '…']],
  check: hasOneOfEach as Check,
} as const;

/** y = residual + (base + (1 − weight) · (moe − base)) */
export const GatedBlend = {
  name: 'MoectGatedBlend',
  inputs: {
    residual: ['float32', '…', 'd'],
    base: ['float32', '…', 'd'],
    moe: ['float32', '…', 'd'],
    weight: ['float32', '…', 1],
  },
  outputs: [['y', 'float32', '…', 'd']],
} as const;

/** The gradient of the residual is dy. */
export const GatedBlendGrad = {
  name: 'MoectGatedBlendGrad',
  inputs: {
    base: ['float32', '…', 'd'],
    moe: ['float32', '…', 'd'],
    weight: ['float32', '…', 1],
    dy: ['float32', '…', 'd'],
  },
  outputs: [
    ['dbase', 'float32', '…', 'd'],
    ['dmoe', 'float32', '…', 'd'],
    ['dweight', 'float32', '…', 1],
  ],
} as const;
