import type { Tensor, Variable } from '@moect/core';
import { asTf, asVariable, hasKernel, runKernel, tf } from '../tf.ts';

export interface AdamWOptions {
  readonly learningRate: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly eps: number;
  readonly weightDecay: number;
  /** Number of this update, counted from 1. */
  readonly step: number;
}

/**
 * One AdamW update in place (decoupled weight decay, arXiv 1711.05101; arithmetic as torch.optim.AdamW).
 * @param gradientScale scalar put on the gradient first
 */
export function adamWUpdate(
  parameter: Variable,
  gradient: Tensor,
  expAvg: Variable,
  expAvgSq: Variable,
  gradientScale: Tensor,
  options: AdamWOptions,
): void {
  if (hasKernel('MoectAdamW')) {
    runKernel(
      'MoectAdamW',
      { param: parameter, grad: gradient, expAvg, expAvgSq, scale: gradientScale },
      { ...options },
    );
    return;
  }
  const { learningRate, beta1, beta2, eps, weightDecay, step } = options;
  tf.tidy(() => {
    const g = tf.mul(asTf(gradient), asTf(gradientScale));
    const m = tf.add(tf.mul(asTf(expAvg), beta1), tf.mul(g, 1 - beta1));
    const v = tf.add(tf.mul(asTf(expAvgSq), beta2), tf.mul(tf.square(g), 1 - beta2));
    const denominator = tf.add(tf.mul(tf.sqrt(v), 1 / Math.sqrt(1 - beta2 ** step)), eps);
    const decayed = tf.mul(asTf(parameter), 1 - learningRate * weightDecay);
    const moved = tf.sub(decayed, tf.mul(tf.div(m, denominator), learningRate / (1 - beta1 ** step)));
    asVariable(expAvg).assign(m);
    asVariable(expAvgSq).assign(v);
    asVariable(parameter).assign(moved);
  });
}
