import type { TensorInfo } from '@tensorflow/tfjs-core';
import { util } from '@tensorflow/tfjs-core';
import type { MoectWasmBackend } from '../backend.ts';
import { KIND, OP } from '../generated/wasm-ops.ts';
import { cpuKernel, registerWasmKernel } from '../kernel.ts';
import { floatBits } from '../layout.ts';

/** Element steps that one element of a function costs, for the decision whether threads pay. */
const MATH_COST = 6;

/** Kernels of one argument: kind, cost per element. */
const functions: Record<string, readonly [kind: number, cost: number]> = {
  Neg: [KIND.U_NEG, 1],
  Abs: [KIND.U_ABS, 1],
  Square: [KIND.U_SQUARE, 1],
  Sqrt: [KIND.U_SQRT, 1],
  Rsqrt: [KIND.U_RSQRT, 2],
  Reciprocal: [KIND.U_RECIPROCAL, 1],
  Relu: [KIND.U_RELU, 1],
  Sign: [KIND.U_SIGN, 1],
  Floor: [KIND.U_FLOOR, 1],
  Ceil: [KIND.U_CEIL, 1],
  Round: [KIND.U_ROUND, 1],
  Exp: [KIND.U_EXP, MATH_COST],
  Expm1: [KIND.U_EXPM1, MATH_COST],
  Log: [KIND.U_LOG, MATH_COST],
  Log1p: [KIND.U_LOG1P, MATH_COST],
  Sigmoid: [KIND.U_SIGMOID, MATH_COST],
  Tanh: [KIND.U_TANH, MATH_COST],
  Softplus: [KIND.U_SOFTPLUS, MATH_COST],
  Erf: [KIND.U_ERF, MATH_COST],
  Elu: [KIND.U_ELU, MATH_COST],
};

/** Kernels with attributes: how the attributes become the two float arguments. */
const parametric: Record<string, readonly [kind: number, of: (attrs: Record<string, number>) => number[]]> = {
  Step: [KIND.U_STEP, (attrs) => [attrs['alpha'] ?? 0]],
  LeakyRelu: [KIND.U_LEAKY_RELU, (attrs) => [attrs['alpha'] ?? 0.2]],
  ClipByValue: [KIND.U_CLIP, (attrs) => [attrs['clipValueMin']!, attrs['clipValueMax']!]],
  Relu6: [KIND.U_CLIP, () => [0, 6]],
};

/** out = kind(x) on float32. */
export function unary(
  backend: MoectWasmBackend,
  x: TensorInfo,
  kind: number,
  parameters: readonly number[] = [],
  cost = 1,
): TensorInfo {
  const out = backend.output(x.shape, 'float32');
  const size = util.sizeFromShape(x.shape);
  if (size === 0) return out.info;
  const args = [
    backend.pointer(x),
    out.pointer,
    size,
    kind,
    floatBits(parameters[0] ?? 0),
    floatBits(parameters[1] ?? 0),
  ];
  backend.runtime.dispatch(OP.UNARY, args, backend.runtime.chunks((size + 15) >> 4, 16 * cost));
  return out.info;
}

function test(backend: MoectWasmBackend, x: TensorInfo, kind: number): TensorInfo {
  const out = backend.output(x.shape, 'bool');
  const size = util.sizeFromShape(x.shape);
  if (size === 0) return out.info;
  const args = [backend.pointer(x), out.pointer, size, kind];
  backend.runtime.dispatch(OP.TEST, args, backend.runtime.chunks((size + 15) >> 4, 16));
  return out.info;
}

export function registerUnary(): void {
  for (const [name, [kind, cost]] of Object.entries(functions)) {
    const onCpu = cpuKernel(name);
    registerWasmKernel(name, (call) => {
      const x = call.inputs['x']!;
      return x.dtype === 'float32' ? unary(call.backend, x, kind, [], cost) : onCpu(call);
    });
  }
  for (const [name, [kind, parameters]] of Object.entries(parametric)) {
    const onCpu = cpuKernel(name);
    registerWasmKernel(name, (call) => {
      const x = call.inputs['x']!;
      if (x.dtype !== 'float32') return onCpu(call);
      return unary(call.backend, x, kind, parameters((call.attrs ?? {}) as Record<string, number>));
    });
  }
  for (const [name, kind] of [
    ['IsNan', KIND.T_NAN],
    ['IsInf', KIND.T_INF],
    ['IsFinite', KIND.T_FINITE],
  ] as const) {
    const onCpu = cpuKernel(name);
    registerWasmKernel(name, (call) => {
      const x = call.inputs['x']!;
      return x.dtype === 'float32' ? test(call.backend, x, kind) : onCpu(call);
    });
  }
}
