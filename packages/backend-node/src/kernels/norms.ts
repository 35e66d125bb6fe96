import type { TensorInfo } from '@tensorflow/tfjs-core';
import { type Id, type Operations, withOperations } from '../operations.ts';
import { type KernelCall, registerTensorflowKernel } from '../tensorflow-backend.ts';

interface Normed {
  /** x less its mean (layer norm) or as it is (RMS norm), times `inverse` */
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

const norm =
  (isCentred: boolean) =>
  ({ backend, inputs, attrs }: KernelCall): TensorInfo =>
    withOperations(backend, (ops) => {
      const [x, weight] = ops.inputs(inputs['x']!, inputs['weight']!);
      const { normed } = normalize(ops, x!, attrs['eps'] as number, isCentred);
      const scaled = ops.run('Mul', [normed, weight!]);
      return ops.output(isCentred ? ops.run('AddV2', [scaled, ops.inputs(inputs['bias']!)[0]!]) : scaled);
    });

/** dx = inverse · (g − [mean g] − normed · mean(g · normed)) with g = dy · weight. */
const normGrad =
  (isCentred: boolean) =>
  ({ backend, inputs, attrs }: KernelCall): TensorInfo[] =>
    withOperations(backend, (ops) => {
      const [x, weight, dy] = ops.inputs(inputs['x']!, inputs['weight']!, inputs['dy']!);
      const { normed, inverse } = normalize(ops, x!, attrs['eps'] as number, isCentred);
      const rows = inputs['x']!.shape.slice(0, -1).map((_, axis) => axis);
      const along = ops.run('Mul', [dy!, normed]);
      const g = ops.run('Mul', [dy!, weight!]);
      const overlap = ops.reduce('Mean', ops.run('Mul', [along, weight!]), [-1], true);
      const away = ops.run('Sub', [g, ops.run('Mul', [normed, overlap])]);
      const flat = isCentred ? ops.run('Sub', [away, ops.reduce('Mean', g, [-1], true)]) : away;
      const dx = ops.output(ops.run('Mul', [flat, inverse]));
      if (attrs['withWeight'] === false) return [dx];
      const dWeight = ops.output(ops.reduce('Sum', along, rows, false));
      if (!isCentred) return [dx, dWeight];
      return [dx, dWeight, ops.output(ops.reduce('Sum', dy!, rows, false))];
    });

export function registerNorms(): void {
  registerTensorflowKernel('MoectRmsNorm', norm(false));
  registerTensorflowKernel('MoectRmsNormGrad', normGrad(false));
  registerTensorflowKernel('MoectLayerNorm', norm(true));
  registerTensorflowKernel('MoectLayerNormGrad', normGrad(true));
}
