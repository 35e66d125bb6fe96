import { Gelu, GeluGrad, Swiglu, SwigluGrad } from '@moect/kernels';
import type { TensorInfo } from '@tensorflow/tfjs-core';
import { type Id, type Operations, withOperations } from '../operations.ts';
import { implement, type TensorflowCall } from '../tensorflow-backend.ts';

function swiglu({ backend, inputs }: TensorflowCall<typeof Swiglu>): TensorInfo {
  return withOperations(backend, (ops) => {
    const [gate, up] = ops.inputs(inputs.gate, inputs.up);
    const silu = ops.run('Mul', [gate!, ops.run('Sigmoid', [gate!])]);
    return ops.output(ops.run('Mul', [silu, up!]));
  });
}

function swigluGrad({
  backend,
  inputs,
}: TensorflowCall<typeof SwigluGrad>): readonly [TensorInfo, TensorInfo] {
  return withOperations(backend, (ops) => {
    const [gate, up, dy] = ops.inputs(inputs.gate, inputs.up, inputs.dy);
    const sigmoid = ops.run('Sigmoid', [gate!]);
    const dSilu = ops.run('Mul', [dy!, up!]);
    const inside = ops.run('SigmoidGrad', [sigmoid, ops.run('Mul', [dSilu, gate!])]);
    const dGate = ops.run('AddV2', [ops.run('Mul', [dSilu, sigmoid]), inside]);
    const dUp = ops.run('Mul', [dy!, ops.run('Mul', [gate!, sigmoid])]);
    return [ops.output(dGate), ops.output(dUp)];
  });
}

const LINEAR = 2 * Math.sqrt(2 / Math.PI);
const CUBIC = 0.044715 * LINEAR;

/** a + b · x */
const line = (ops: Operations, x: Id, a: number, b: number): Id =>
  ops.run('AddV2', [ops.run('Mul', [x, ops.constant(b)]), ops.constant(a)]);

/** The tanh form is x · σ(2u): Φ ≈ (1 + tanh u) / 2 = σ(2u). */
function tanhPhi(ops: Operations, x: Id, square: Id): Id {
  return ops.run('Sigmoid', [ops.run('Mul', [x, line(ops, square, LINEAR, CUBIC)])]);
}

/** Φ(x), exactly: (1 + erf(x / √2)) / 2. */
const exactPhi = (ops: Operations, x: Id): Id => {
  const erf = ops.run('Erf', [ops.run('Mul', [x, ops.constant(Math.SQRT1_2)])]);
  return line(ops, erf, 0.5, 0.5);
};

function gelu({ backend, inputs, attrs }: TensorflowCall<typeof Gelu>): TensorInfo {
  return withOperations(backend, (ops) => {
    const x = ops.inputs(inputs.x)[0]!;
    const phi = attrs.approximate === 'tanh' ? tanhPhi(ops, x, ops.run('Square', [x])) : exactPhi(ops, x);
    return ops.output(ops.run('Mul', [x, phi]));
  });
}

function geluGrad({ backend, inputs, attrs }: TensorflowCall<typeof GeluGrad>): TensorInfo {
  return withOperations(backend, (ops) => {
    const [x, dy] = ops.inputs(inputs.x, inputs.dy);
    const square = ops.run('Square', [x!]);
    if (attrs.approximate === 'tanh') {
      const phi = tanhPhi(ops, x!, square);
      const inside = ops.run('SigmoidGrad', [phi, ops.run('Mul', [dy!, x!])]);
      const slope = ops.run('Mul', [inside, line(ops, square, LINEAR, 3 * CUBIC)]);
      return ops.output(ops.run('AddV2', [ops.run('Mul', [dy!, phi]), slope]));
    }
    const density = ops.run('Exp', [ops.run('Mul', [square, ops.constant(-0.5)])]);
    const normal = ops.run('Mul', [density, ops.constant(1 / Math.sqrt(2 * Math.PI))]);
    const slope = ops.run('AddV2', [exactPhi(ops, x!), ops.run('Mul', [x!, normal])]);
    return ops.output(ops.run('Mul', [dy!, slope]));
  });
}

export function registerActivations(): void {
  implement(Swiglu, swiglu);
  implement(SwigluGrad, swigluGrad);
  implement(Gelu, gelu);
  implement(GeluGrad, geluGrad);
}
