import { type TensorInfo, util } from '@tensorflow/tfjs-core';
import type { MoectWasmBackend } from '../backend.ts';
import { KIND } from '../generated/wasm-ops.ts';
import { cpuKernel, registerWasmKernel } from '../kernel.ts';
import { binary } from './binary.ts';
import { fillOutput } from './create.ts';
import { unary } from './unary.ts';

interface BatchNormInputs {
  readonly x: TensorInfo;
  readonly mean: TensorInfo;
  readonly variance: TensorInfo;
  readonly offset?: TensorInfo | null;
  readonly scale?: TensorInfo | null;
}

/** (x − mean) · scale / √(variance + ε) + offset; the factor is computed once for each variance. */
function batchNorm(backend: MoectWasmBackend, inputs: BatchNormInputs, epsilon: number): TensorInfo {
  const { x, mean, variance, offset, scale } = inputs;
  const made: TensorInfo[] = [];
  const keep = (info: TensorInfo): TensorInfo => {
    made.push(info);
    return info;
  };
  const epsilons = backend.output([], 'float32');
  fillOutput(backend, epsilons, epsilon);
  const shifted = keep(binary(backend, KIND.B_ADD, variance, keep(epsilons.info)));
  const inverse = keep(unary(backend, shifted, KIND.U_RSQRT));
  const factor = scale == null ? inverse : keep(binary(backend, KIND.B_MUL, inverse, scale));
  const centred = keep(binary(backend, KIND.B_SUB, x, mean));
  let result = binary(backend, KIND.B_MUL, centred, factor);
  if (offset != null) result = binary(backend, KIND.B_ADD, keep(result), offset);
  for (const info of made) backend.disposeIntermediateTensorInfo(info);
  return result;
}

/** True where a statistic has one value per channel, the last dimension, or one per element of x. */
function fits(x: TensorInfo, info: TensorInfo | null | undefined): boolean {
  if (info == null) return true;
  if (info.dtype !== 'float32') return false;
  const perChannel = info.shape.length === 1 && info.shape[0] === x.shape[x.shape.length - 1];
  return perChannel || util.arraysEqual(info.shape, x.shape);
}

export function registerBatchNorm(): void {
  const onCpu = cpuKernel('FusedBatchNorm');
  registerWasmKernel('FusedBatchNorm', (call) => {
    const inputs = call.inputs as unknown as BatchNormInputs;
    const { x, mean, variance, offset, scale } = inputs;
    const epsilon = (call.attrs as unknown as { varianceEpsilon?: number }).varianceEpsilon ?? 0.001;
    const known = [mean, variance, offset, scale].every((info) => fits(x, info));
    if (x.dtype !== 'float32' || !known) return onCpu(call);
    return batchNorm(call.backend, inputs, epsilon);
  });
}
