import type { Tensor, Variable } from '@moect/core';
import { AdamW, hasKernel, runKernel } from '@moect/kernels';
import { asTf, asVariable, tf } from '../tf.ts';

export interface AdamWOptions {
  readonly learningRate: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly eps: number;
  /** Number of this update, counted from 1. */
  readonly step: number;
}

/** One parameter of an update; all four tensors have one shape. */
export interface AdamWEntry {
  readonly parameter: Variable;
  readonly gradient: Tensor;
  readonly expAvg: Variable;
  readonly expAvgSq: Variable;
  readonly weightDecay: number;
}

/**
 * One AdamW update in place (decoupled weight decay, arXiv 1711.05101; arithmetic as torch.optim.AdamW).
 * @param entries all parameters: they are updated in one pass
 * @param gradientScale scalar that multiplies the gradients first
 */
export function adamWUpdate(
  entries: readonly AdamWEntry[],
  gradientScale: Tensor,
  options: AdamWOptions,
): void {
  if (entries.length === 0) return;
  if (!hasKernel(AdamW)) {
    for (const entry of entries) composed(entry, gradientScale, options);
    return;
  }
  const inputs = {
    scale: gradientScale,
    param: entries.map(({ parameter }) => parameter),
    grad: entries.map(({ gradient }) => gradient),
    expAvg: entries.map(({ expAvg }) => expAvg),
    expAvgSq: entries.map(({ expAvgSq }) => expAvgSq),
  };
  const weightDecays = entries.map(({ weightDecay }) => weightDecay);
  runKernel(AdamW, inputs, { ...options, weightDecays });
}

function composed(entry: AdamWEntry, gradientScale: Tensor, options: AdamWOptions): void {
  const { parameter, gradient, expAvg, expAvgSq, weightDecay } = entry;
  const { learningRate, beta1, beta2, eps, step } = options;
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
