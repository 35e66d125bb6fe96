import { inputsOf, sizeOf } from '@moect/kernels';
import type { TensorInfo } from '@tensorflow/tfjs-core';
import { registerWebgpuKernel, type WebgpuKernelCall } from '../kernel.ts';
import { output, type Program } from '../program.ts';
import { runFlat } from './flat.ts';
import { eachElement, FLAT_LANES } from './snippets.ts';

function flat(
  name: string,
  reads: readonly string[],
  writes: readonly string[],
  statements: string,
  declarations = '',
): Program {
  const buffers = (names: readonly string[]): Record<string, 'f32'> =>
    Object.fromEntries(names.map((buffer) => [buffer, 'f32' as const]));
  const body = eachElement('p.size', statements);
  const params = { size: 'i32' } as const;
  return {
    name,
    reads: buffers(reads),
    writes: buffers(writes),
    params,
    lanes: FLAT_LANES,
    declarations,
    body,
  };
}

const SWIGLU = flat('swiglu', ['gate', 'up'], ['y'], 'let g = gate[i]; y[i] = g / (1.0 + exp(-g)) * up[i];');

const SWIGLU_GRAD = flat(
  'swigluGrad',
  ['gate', 'up', 'dy'],
  ['dgate', 'dup'],
  `let g = gate[i];
   let s = 1.0 / (1.0 + exp(-g));
   dup[i] = dy[i] * g * s;
   dgate[i] = dy[i] * up[i] * s * (1.0 + g * (1.0 - s));`,
);

/** Abramowitz and Stegun 7.1.26, error at most 1.5e-7; tanh is clamped because some drivers overflow in it. */
const CURVES = `
fn erf(x : f32) -> f32 {
  let t = 1.0 / (1.0 + 0.3275911 * abs(x));
  let series = ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t;
  return sign(x) * (1.0 - series * exp(-x * x));
}
fn curve(x : f32) -> f32 { return tanh(clamp(0.7978845608 * (x + 0.044715 * x * x * x), -15.0, 15.0)); }`;

const GELU = {
  none: flat('gelu', ['x'], ['y'], 'y[i] = 0.5 * x[i] * (1.0 + erf(x[i] * 0.70710678));', CURVES),
  tanh: flat('geluTanh', ['x'], ['y'], 'y[i] = 0.5 * x[i] * (1.0 + curve(x[i]));', CURVES),
};

const GELU_GRAD = {
  none: flat(
    'geluGrad',
    ['x', 'dy'],
    ['dx'],
    `let v = x[i];
     dx[i] = dy[i] * (0.5 * (1.0 + erf(v * 0.70710678)) + v * 0.3989422804 * exp(-0.5 * v * v));`,
    CURVES,
  ),
  tanh: flat(
    'geluTanhGrad',
    ['x', 'dy'],
    ['dx'],
    `let v = x[i];
     let t = curve(v);
     let inner = 0.7978845608 * (1.0 + 0.134145 * v * v);
     dx[i] = dy[i] * (0.5 * (1.0 + t) + 0.5 * v * (1.0 - t * t) * inner);`,
    CURVES,
  ),
};

/** Runs a flat program whose tensors all have the shape of the first input. */
function activation(call: WebgpuKernelCall, kernelName: string, program: Program): TensorInfo[] {
  const { backend } = call;
  const take = inputsOf(kernelName, call);
  const [first, ...others] = Object.keys(program.reads) as [string, ...string[]];
  const x = take(first, 'float32', ['…']);
  const inputs = [x, ...others.map((name) => take(name, 'float32', x.shape))];
  const outputs = Object.keys(program.writes).map(() => output(backend, x.shape));
  const names = [first, ...others, ...Object.keys(program.writes)];
  const tensors = Object.fromEntries([...inputs, ...outputs].map((info, i) => [names[i]!, info]));
  runFlat(backend, program, sizeOf(x.shape), tensors);
  return outputs;
}

function variant(call: WebgpuKernelCall): 'none' | 'tanh' {
  const approximate: unknown = call.attrs['approximate'];
  if (approximate === 'none' || approximate === 'tanh') return approximate;
  throw new TypeError(`MoectGelu: approximate must be 'tanh' or 'none', not ${String(approximate)}.`);
}

/** SwiGLU (arXiv 2002.05202) and GELU (arXiv 1606.08415) with their gradients. */
export function registerActivations(): void {
  registerWebgpuKernel('MoectSwiglu', (call) => activation(call, 'MoectSwiglu', SWIGLU));
  registerWebgpuKernel('MoectSwigluGrad', (call) => activation(call, 'MoectSwigluGrad', SWIGLU_GRAD));
  registerWebgpuKernel('MoectGelu', (call) => activation(call, 'MoectGelu', GELU[variant(call)]));
  registerWebgpuKernel('MoectGeluGrad', (call) =>
    activation(call, 'MoectGeluGrad', GELU_GRAD[variant(call)]),
  );
}
