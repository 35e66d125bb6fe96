import { CrossEntropy, CrossEntropyGrad, checkSaved } from '@moect/kernels';
import type { TensorInfo } from '@tensorflow/tfjs-core';
import { OP } from '../generated/wasm-ops.ts';
import { implement, type WasmCall } from '../kernel.ts';
import { checkRange } from './scratch.ts';

/** An exponential costs about as much as this many copied elements. */
const WORK = 4;

function crossEntropy({
  backend,
  inputs,
  dims,
}: WasmCall<typeof CrossEntropy>): readonly [TensorInfo, TensorInfo] {
  const { logits, targets } = inputs;
  const { rows, vocabSize } = dims;
  const at = backend.pointer(targets);
  checkRange(backend, `${CrossEntropy.name}: targets`, targets, -1, vocabSize);
  const losses = backend.output([rows], 'float32');
  const logsumexp = backend.output([rows], 'float32');
  const args = [rows, 1, backend.pointer(logits), at, losses.pointer, logsumexp.pointer, vocabSize];
  backend.runtime.dispatch(OP.CROSS_ENTROPY, args, backend.runtime.chunks(rows, vocabSize * WORK));
  return [losses.info, logsumexp.info];
}

function crossEntropyGrad({ backend, inputs, dims }: WasmCall<typeof CrossEntropyGrad>): TensorInfo {
  const { logits, targets, saved: logsumexp, dlosses } = inputs;
  const { rows, vocabSize } = dims;
  checkSaved(CrossEntropyGrad.name, logsumexp, [rows]);
  const at = backend.pointer(targets);
  checkRange(backend, `${CrossEntropyGrad.name}: targets`, targets, -1, vocabSize);
  const dlogits = backend.output(logits.shape, 'float32');
  const pointers = [backend.pointer(logits), at, backend.pointer(logsumexp), backend.pointer(dlosses)];
  const args = [rows, 1, ...pointers, dlogits.pointer, vocabSize];
  backend.runtime.dispatch(OP.CROSS_ENTROPY_GRAD, args, backend.runtime.chunks(rows, vocabSize * WORK));
  return dlogits.info;
}

/** Cross-entropy of logits with integer targets, and its gradient; target -1 gives 0. */
export function registerCrossEntropy(): void {
  implement(CrossEntropy, crossEntropy);
  implement(CrossEntropyGrad, crossEntropyGrad);
}
