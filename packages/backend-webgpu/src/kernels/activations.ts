import { Gelu, GeluGrad, Swiglu, SwigluGrad, sizeOf } from '@moect/kernels';
import type { TensorInfo } from '@tensorflow/tfjs-core';
import type { MoectWebgpuBackend } from '../backend.ts';
import { implement } from '../kernel.ts';
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

/** Runs a flat program whose tensors all have the shape of `like`; gives the outputs. */
function activation(
  backend: MoectWebgpuBackend,
  program: Program,
  inputs: Readonly<Record<string, TensorInfo>>,
  like: TensorInfo,
): TensorInfo[] {
  const names = Object.keys(program.writes);
  const outputs = names.map(() => output(backend, like.shape));
  const tensors = { ...inputs, ...Object.fromEntries(outputs.map((info, i) => [names[i]!, info])) };
  runFlat(backend, program, sizeOf(like.shape), tensors);
  return outputs;
}

/** SwiGLU (arXiv 2002.05202) and GELU (arXiv 1606.08415) with their gradients. */
export function registerActivations(): void {
  implement(Swiglu, ({ backend, inputs }) => activation(backend, SWIGLU, inputs, inputs.gate)[0]!);
  implement(SwigluGrad, ({ backend, inputs }) => {
    const [dgate, dup] = activation(backend, SWIGLU_GRAD, inputs, inputs.gate);
    return [dgate!, dup!] as const;
  });
  implement(
    Gelu,
    ({ backend, inputs, attrs }) => activation(backend, GELU[attrs.approximate], inputs, inputs.x)[0]!,
  );
  implement(
    GeluGrad,
    ({ backend, inputs, attrs }) => activation(backend, GELU_GRAD[attrs.approximate], inputs, inputs.x)[0]!,
  );
}
