import type { TensorInfo } from '@tensorflow/tfjs-core';
import type { MoectWasmBackend } from '../backend.ts';
import { KIND } from '../generated/wasm-ops.ts';
import { cpuKernel, registerWasmKernel } from '../kernel.ts';
import { binary } from './binary.ts';
import { batchMatMul } from './mat-mul.ts';
import { unary } from './unary.ts';

/** Activations of _FusedMatMul as unary kinds with their parameters. */
function activationOf(
  name: string,
  leakyreluAlpha: number,
): [kind: number, parameters: number[]] | undefined {
  if (name === 'relu') return [KIND.U_RELU, []];
  if (name === 'relu6') return [KIND.U_CLIP, [0, 6]];
  if (name === 'elu') return [KIND.U_ELU, []];
  if (name === 'sigmoid') return [KIND.U_SIGMOID, []];
  if (name === 'leakyrelu') return [KIND.U_LEAKY_RELU, [leakyreluAlpha]];
  return undefined;
}

/** Returns the result of `next` on `current`, which it disposes. */
function then(
  backend: MoectWasmBackend,
  current: TensorInfo,
  next: (x: TensorInfo) => TensorInfo,
): TensorInfo {
  const result = next(current);
  backend.disposeIntermediateTensorInfo(current);
  return result;
}

/** Product, bias and activation, one after the other. */
export function registerFusedMatMul(): void {
  const onCpu = cpuKernel('_FusedMatMul');
  registerWasmKernel('_FusedMatMul', (call) => {
    const { a, b, bias } = call.inputs as { a: TensorInfo; b: TensorInfo; bias?: TensorInfo };
    const { transposeA, transposeB, activation, leakyreluAlpha } = call.attrs as unknown as {
      transposeA: boolean;
      transposeB: boolean;
      activation: string | null;
      leakyreluAlpha: number;
    };
    const name = activation ?? 'linear';
    const known = activationOf(name, leakyreluAlpha);
    const floats = [a, b, bias].every((t) => t == null || t.dtype === 'float32');
    if (!floats || (name !== 'linear' && known === undefined)) return onCpu(call);
    const { backend } = call;
    let result = batchMatMul(backend, a, b, transposeA, transposeB);
    if (bias != null) result = then(backend, result, (x) => binary(backend, KIND.B_ADD, x, bias));
    if (known !== undefined) result = then(backend, result, (x) => unary(backend, x, known[0], known[1]));
    return result;
  });
}
