import { LayerNorm, LayerNormGrad, RmsNorm, RmsNormGrad } from '@moect/kernels';
import type { TensorInfo } from '@tensorflow/tfjs-core';
import { type Id, type Operations, withOperations } from '../operations.ts';
import { implement, type TensorflowCall } from '../tensorflow-backend.ts';

interface Normed {
  /** x minus its mean (layer norm) or x itself (RMS norm), times `inverse` */
  readonly normed: Id;
  /** [.., 1] */
  readonly inverse: Id;
}

function normalize(ops: Operations, x: Id, eps: number, isCentred: boolean): Normed {
  const centred = isCentred ? ops.run('Sub', [x, ops.reduce('Mean', x, [-1], true)]) : x;
  const square = ops.reduce('Mean', ops.run('Square', [centred]), [-1], true);
  const inverse = ops.run('Rsqrt', [ops.run('AddV2', [square, ops.constant(eps)])]);
  return { normed: ops.run('Mul', [centred, inverse]), inverse };
}

function rmsNorm({ backend, inputs, attrs }: TensorflowCall<typeof RmsNorm>): TensorInfo {
  return withOperations(backend, (ops) => {
    const [x, weight] = ops.inputs(inputs.x, inputs.weight);
    return ops.output(ops.run('Mul', [normalize(ops, x!, attrs.eps, false).normed, weight!]));
  });
}

function layerNorm({ backend, inputs, attrs }: TensorflowCall<typeof LayerNorm>): TensorInfo {
  return withOperations(backend, (ops) => {
    const [x, weight, bias] = ops.inputs(inputs.x, inputs.weight, inputs.bias);
    const scaled = ops.run('Mul', [normalize(ops, x!, attrs.eps, true).normed, weight!]);
    return ops.output(ops.run('AddV2', [scaled, bias!]));
  });
}

interface NormGradient {
  readonly dx: Id;
  /** Makes the gradient of the weight. */
  readonly dWeight: () => Id;
  /** Makes the gradient of the bias. */
  readonly dBias: () => Id;
}

/** dx = inverse · (g − [mean g] − normed · mean(g · normed)) with g = dy · weight. */
function gradient(
  ops: Operations,
  { inputs, attrs }: Pick<TensorflowCall<typeof LayerNormGrad>, 'inputs' | 'attrs'>,
  isCentred: boolean,
): NormGradient {
  const [x, weight, dy] = ops.inputs(inputs.x, inputs.weight, inputs.dy);
  const { normed, inverse } = normalize(ops, x!, attrs.eps, isCentred);
  const rows = inputs.x.shape.slice(0, -1).map((_, axis) => axis);
  const along = ops.run('Mul', [dy!, normed]);
  const g = ops.run('Mul', [dy!, weight!]);
  const overlap = ops.reduce('Mean', ops.run('Mul', [along, weight!]), [-1], true);
  const away = ops.run('Sub', [g, ops.run('Mul', [normed, overlap])]);
  const flat = isCentred ? ops.run('Sub', [away, ops.reduce('Mean', g, [-1], true)]) : away;
  const sumRows = (of: Id): Id => ops.reduce('Sum', of, rows, false);
  return {
    dx: ops.run('Mul', [flat, inverse]),
    dWeight: () => sumRows(along),
    dBias: () => sumRows(dy!),
  };
}

function rmsNormGrad(call: TensorflowCall<typeof RmsNormGrad>): readonly [TensorInfo, TensorInfo?] {
  return withOperations(call.backend, (ops) => {
    const { dx, dWeight } = gradient(ops, call, false);
    return call.attrs.withWeight ? [ops.output(dx), ops.output(dWeight())] : [ops.output(dx)];
  });
}

function layerNormGrad(
  call: TensorflowCall<typeof LayerNormGrad>,
): readonly [TensorInfo, TensorInfo, TensorInfo] {
  return withOperations(call.backend, (ops) => {
    const { dx, dWeight, dBias } = gradient(ops, call, true);
    return [ops.output(dx), ops.output(dWeight()), ops.output(dBias())];
  });
}

export function registerNorms(): void {
  implement(RmsNorm, rmsNorm);
  implement(RmsNormGrad, rmsNormGrad);
  implement(LayerNorm, layerNorm);
  implement(LayerNormGrad, layerNormGrad);
}
