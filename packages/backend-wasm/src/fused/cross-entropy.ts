import { ShapeMismatchError } from '@moect/core';
import { inputsOf } from '@moect/kernels';
import type { TensorInfo } from '@tensorflow/tfjs-core';
import { OP } from '../generated/wasm-ops.ts';
import { registerWasmKernel, type WasmKernelCall } from '../kernel.ts';
import { checkRange } from './scratch.ts';

/** An exponential costs about as much as this many copied elements. */
const WORK = 4;

function crossEntropy(call: WasmKernelCall): TensorInfo[] {
  const { backend } = call;
  const take = inputsOf('MoectCrossEntropy', call);
  const logits = take('logits', 'float32', ['rows', 'vocabSize']);
  const [rows, vocabSize] = logits.shape as [number, number];
  if (vocabSize === 0)
    throw new ShapeMismatchError('MoectCrossEntropy: logits', logits.shape, 'a vocabulary');
  const targets = take('targets', 'int32', [rows]);
  const at = backend.pointer(targets);
  checkRange(backend, 'MoectCrossEntropy: targets', targets, -1, vocabSize);
  const losses = backend.output([rows], 'float32');
  const logsumexp = backend.output([rows], 'float32');
  const args = [rows, 1, backend.pointer(logits), at, losses.pointer, logsumexp.pointer, vocabSize];
  backend.runtime.dispatch(OP.CROSS_ENTROPY, args, backend.runtime.chunks(rows, vocabSize * WORK));
  return [losses.info, logsumexp.info];
}

function crossEntropyGrad(call: WasmKernelCall): TensorInfo {
  const { backend } = call;
  const take = inputsOf('MoectCrossEntropyGrad', call);
  const logits = take('logits', 'float32', ['rows', 'vocabSize']);
  const [rows, vocabSize] = logits.shape as [number, number];
  const targets = take('targets', 'int32', [rows]);
  const logsumexp = take('logsumexp', 'float32', [rows]);
  const dlosses = take('dlosses', 'float32', [rows]);
  const at = backend.pointer(targets);
  checkRange(backend, 'MoectCrossEntropyGrad: targets', targets, -1, vocabSize);
  const dlogits = backend.output(logits.shape, 'float32');
  const pointers = [backend.pointer(logits), at, backend.pointer(logsumexp), backend.pointer(dlosses)];
  const args = [rows, 1, ...pointers, dlogits.pointer, vocabSize];
  backend.runtime.dispatch(OP.CROSS_ENTROPY_GRAD, args, backend.runtime.chunks(rows, vocabSize * WORK));
  return dlogits.info;
}

/** Cross-entropy of logits with integer targets, and its gradient; target -1 counts nothing. */
export function registerCrossEntropy(): void {
  registerWasmKernel('MoectCrossEntropy', crossEntropy);
  registerWasmKernel('MoectCrossEntropyGrad', crossEntropyGrad);
}
