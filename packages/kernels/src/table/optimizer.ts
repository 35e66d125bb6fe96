import { ShapeMismatchError } from '@moect/core';
import type { TensorInfo } from '@tensorflow/tfjs-core';
import type { Check } from '../spec.ts';

function canUpdate({ kernel, inputs, attrs }: Parameters<Check>[0]): void {
  const { shape } = inputs['scale'] as TensorInfo;
  if (shape.some((size) => size !== 1)) throw new ShapeMismatchError(`${kernel}: scale`, shape, '[] or [1]');
  const step = attrs['step'] as number;
  if (!(step >= 1)) throw new RangeError(`${kernel}: step counts from 1, not ${step}.`);
}

/**
 * One AdamW update of many parameters (decoupled weight decay, arXiv 1711.05101; arithmetic as torch.optim.AdamW).
 * Parameters and moments change in place: nothing else may share their values. `scale` multiplies gradients first.
 */
export const AdamW = {
  name: 'MoectAdamW',
  inputs: {
    scale: ['float32', '…scale'],
    'param*': ['float32', '…*'],
    'grad*': ['float32', '…*'],
    'expAvg*': ['float32', '…*'],
    'expAvgSq*': ['float32', '…*'],
  },
  attrs: {
    learningRate: 'number',
    beta1: 'number',
    beta2: 'number',
    eps: 'number',
    step: 'number',
    weightDecays: 'numbers*',
  },
  outputs: [],
  check: canUpdate as Check,
} as const;

/** √(Σ over all tensors of Σ x²) */
export const GlobalNorm = {
  name: 'MoectGlobalNorm',
  inputs: { 'x*': ['float32', '…*'] },
  outputs: [['norm', 'float32']],
} as const;

/** min(1, maxNorm / (norm + 1e-6)) */
export const ClipScale = {
  name: 'MoectClipScale',
  inputs: { norm: ['float32'] },
  attrs: { maxNorm: 'number' },
  outputs: [['scale', 'float32']],
} as const;

/** Each total becomes total + added, in place: nothing else may share its values. */
export const AddInto = {
  name: 'MoectAddInto',
  inputs: { 'total*': ['float32', '…*'], 'added*': ['float32', '…*'] },
  outputs: [],
} as const;
