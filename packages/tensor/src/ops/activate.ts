import type { Activation, Tensor } from '@moect/core';
import { relu, silu } from './elementwise.ts';
import { gelu } from './gelu.ts';

const FUNCTIONS: Readonly<Record<Activation, (x: Tensor) => Tensor>> = {
  silu,
  relu,
  gelu: (x) => gelu(x),
  'gelu-tanh': (x) => gelu(x, 'tanh'),
};

/** The function of that name, elementwise. */
export function activate(x: Tensor, activation: Activation): Tensor {
  return FUNCTIONS[activation](x);
}
