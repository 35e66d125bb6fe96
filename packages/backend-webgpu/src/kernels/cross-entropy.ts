import { CrossEntropy, CrossEntropyGrad, checkSaved } from '@moect/kernels';
import type { TensorInfo } from '@tensorflow/tfjs-core';
import { implement, type WebgpuCall } from '../kernel.ts';
import { output } from '../program.ts';
import { rowProgram } from './row-program.ts';
import { runRows } from './rows.ts';

const eachLogit = (statements: string): string =>
  `for (var j = lane; j < p.vocabSize; j += LANES) { ${statements} }`;

/** `top` and `logSumExp` of row `group` of `logits`. */
export const LOG_SUM_EXP: string = `
  let at = group * p.vocabSize;
  var own = -3.4e38;
  ${eachLogit('own = max(own, logits[at + j]);')}
  let top = largest(lane, own);
  var sum = 0.0;
  ${eachLogit('sum += exp(logits[at + j] - top);')}
  let logSumExp = top + log(total(lane, sum));`;

const CROSS_ENTROPY = rowProgram({
  name: 'crossEntropy',
  reads: { logits: 'f32', labels: 'i32' },
  writes: { losses: 'f32', logSumExps: 'f32' },
  params: { vocabSize: 'i32' },
  body: `${LOG_SUM_EXP}
  if (lane == 0) {
    let label = labels[group];
    losses[group] = select(logSumExp - logits[at + max(label, 0)], 0.0, label < 0);
    logSumExps[group] = logSumExp;
  }`,
});

const CROSS_ENTROPY_GRAD = rowProgram({
  name: 'crossEntropyGrad',
  reads: { logits: 'f32', labels: 'i32', logSumExps: 'f32', dlosses: 'f32' },
  writes: { dlogits: 'f32' },
  params: { vocabSize: 'i32' },
  body: `
  let at = group * p.vocabSize;
  let label = labels[group];
  let slope = select(dlosses[group], 0.0, label < 0);
  ${eachLogit(`dlogits[at + j] =
    select(slope * (exp(logits[at + j] - logSumExps[group]) - select(0.0, 1.0, j == label)), 0.0, label < 0);`)}`,
});

function crossEntropy({
  backend,
  inputs,
  dims,
}: WebgpuCall<typeof CrossEntropy>): readonly [TensorInfo, TensorInfo] {
  const { logits, targets: labels } = inputs;
  const { rows, vocabSize } = dims;
  const losses = output(backend, [rows]);
  const logSumExps = output(backend, [rows]);
  const tensors = { logits, labels, losses, logSumExps };
  runRows(backend, { program: CROSS_ENTROPY, rows, tensors, params: { vocabSize } });
  return [losses, logSumExps];
}

function crossEntropyGrad({ backend, inputs, dims }: WebgpuCall<typeof CrossEntropyGrad>): TensorInfo {
  const { logits, targets: labels, saved: logSumExps, dlosses } = inputs;
  const { rows, vocabSize } = dims;
  checkSaved(CrossEntropyGrad.name, logSumExps, [rows]);
  const dlogits = output(backend, logits.shape);
  const tensors = { logits, labels, logSumExps, dlosses, dlogits };
  if (vocabSize > 0) runRows(backend, { program: CROSS_ENTROPY_GRAD, rows, tensors, params: { vocabSize } });
  return dlogits;
}

/** Cross-entropy of logits with integer targets, and its gradient; a target of -1 contributes nothing. */
export function registerCrossEntropy(): void {
  implement(CrossEntropy, crossEntropy);
  implement(CrossEntropyGrad, crossEntropyGrad);
}
