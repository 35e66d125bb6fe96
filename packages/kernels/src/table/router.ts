import { ShapeMismatchError } from '@moect/core';
import type { Check } from '../spec.ts';

function hasColumns({ kernel, inputs, dims }: Parameters<Check>[0]): void {
  const { rows, n, k } = dims as Record<string, number>;
  if (k! >= 1 && k! <= n!) return;
  const [name] = Object.keys(inputs);
  throw new ShapeMismatchError(
    `${kernel}: ${name}`,
    [rows!, n!],
    `at least k = ${k} columns, and k at least 1`,
  );
}

/** The k largest of each row in descending order, ties to the lower index. */
export const TopK = {
  name: 'MoectTopK',
  inputs: { scores: ['float32', 'rows', 'n'] },
  attrs: { k: 'size' },
  outputs: [
    ['values', 'float32', 'rows', 'k'],
    ['indices', 'int32', 'rows', 'k'],
  ],
  check: hasColumns as Check,
} as const;

/** The k of n experts with the largest logits and their softmax probabilities; `renormalize`: divided by their sum. */
export const ChooseExperts = {
  name: 'MoectChooseExperts',
  inputs: { logits: ['float32', 'rows', 'n'] },
  attrs: { k: 'size', renormalize: 'boolean' },
  outputs: [
    ['weights', 'float32', 'rows', 'k'],
    ['indices', 'int32', 'rows', 'k'],
  ],
  check: hasColumns as Check,
} as const;

export const ChooseExpertsGrad = {
  name: 'MoectChooseExpertsGrad',
  inputs: {
    logits: ['float32', 'rows', 'n'],
    indices: ['int32', 'rows', 'k'],
    dweights: ['float32', 'rows', 'k'],
  },
  attrs: { k: 'size', renormalize: 'boolean' },
  outputs: [['dlogits', 'float32', 'rows', 'n']],
  check: hasColumns as Check,
} as const;

/** Number of tokens of each expert: the sum of `mask` over the tokens that chose it. */
export const CountAssignments = {
  name: 'MoectCountAssignments',
  inputs: { indices: ['int32', 'rows', 'k'], mask: ['float32', 'rows'] },
  attrs: { numExperts: 'size' },
  outputs: [['counts', 'float32', 'numExperts']],
} as const;

/**
 * E · Σᵢ fᵢ · Pᵢ of Switch Transformer (arXiv 2101.03961): fᵢ the share of assignments, Pᵢ the mean probability over the
 * tokens that `mask` counts. `factor` multiplies the sum over tokens.
 */
export const LoadBalance = {
  name: 'MoectLoadBalance',
  inputs: {
    logits: ['float32', 'rows', 'n'],
    mask: ['float32', 'rows'],
    tokensPerExpert: ['float32', 'n'],
  },
  outputs: [
    ['loss', 'float32'],
    ['factor', 'float32'],
  ],
} as const;

export const LoadBalanceGrad = {
  name: 'MoectLoadBalanceGrad',
  inputs: {
    logits: ['float32', 'rows', 'n'],
    mask: ['float32', 'rows'],
    tokensPerExpert: ['float32', 'n'],
    factor: ['float32'],
    dloss: ['float32'],
  },
  outputs: [['dlogits', 'float32', 'rows', 'n']],
} as const;

/** Mean of (log Σᵢ exp zᵢ)² over the tokens that `mask` counts (ST-MoE, arXiv 2202.08906). */
export const SquaredLogSumExp = {
  name: 'MoectSquaredLogSumExp',
  inputs: { logits: ['float32', 'rows', 'n'], mask: ['float32', 'rows'] },
  outputs: [
    ['loss', 'float32'],
    ['factor', 'float32'],
  ],
} as const;

export const SquaredLogSumExpGrad = {
  name: 'MoectSquaredLogSumExpGrad',
  inputs: {
    logits: ['float32', 'rows', 'n'],
    mask: ['float32', 'rows'],
    factor: ['float32'],
    dloss: ['float32'],
  },
  outputs: [['dlogits', 'float32', 'rows', 'n']],
} as const;
