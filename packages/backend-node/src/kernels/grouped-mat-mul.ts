import { GroupedMatMul, GroupedMatMulGradWeight } from '@moect/kernels';
import type { TensorInfo } from '@tensorflow/tfjs-core';
import { type Id, type Operations, withOperations } from '../operations.ts';
import { implement, type TensorflowCall } from '../tensorflow-backend.ts';

/** Rows of each expert; TensorFlow reads the counts itself. */
function byExpert(ops: Operations, rows: Id, counts: Id, numExperts: number): Id[] {
  const split = { name: 'num_split', type: ops.backend.binding.TF_ATTR_INT, value: numExperts };
  return ops.runAll('SplitV', [rows, counts, ops.integer(0)], numExperts, [split]);
}

function countsOf(ops: Operations, offsets: Id, numExperts: number): Id {
  const part = (from: number): Id =>
    ops.run('Slice', [offsets, ops.integers([from]), ops.integers([numExperts])]);
  return ops.run('Sub', [part(1), part(0)]);
}

/** One product per expert on its rows. */
function groupedMatMul({ backend, inputs, attrs, dims }: TensorflowCall<typeof GroupedMatMul>): TensorInfo {
  return withOperations(backend, (ops) => {
    const { numExperts, out: outSize, in: inSize } = dims;
    const [x, w, offsets] = ops.inputs(inputs.x, inputs.w, inputs.offsets);
    const parts = byExpert(ops, x!, countsOf(ops, offsets!, numExperts), numExperts);
    const products = parts.map((part, e) => {
      const weight = ops.run('Slice', [w!, ops.integers([e, 0, 0]), ops.integers([1, outSize, inSize])]);
      return ops.matMul(part, ops.reshape(weight, [outSize, inSize]), false, !attrs.transposeW);
    });
    if (products.length === 1) return ops.output(products[0]!);
    return ops.output(ops.run('ConcatV2', [...products, ops.integer(0)], ops.list(numExperts)));
  });
}

/** dw[e] = dyᵀ · x on the rows of e. */
function groupedGradWeight({
  backend,
  inputs,
  dims,
}: TensorflowCall<typeof GroupedMatMulGradWeight>): TensorInfo {
  return withOperations(backend, (ops) => {
    const { numExperts } = dims;
    const [x, dy, offsets] = ops.inputs(inputs.x, inputs.dy, inputs.offsets);
    const counts = countsOf(ops, offsets!, numExperts);
    const rows = byExpert(ops, x!, counts, numExperts);
    const slopes = byExpert(ops, dy!, counts, numExperts);
    const products = rows.map((part, e) => ops.matMul(slopes[e]!, part, true));
    return ops.output(ops.run('Pack', products, ops.list(numExperts)));
  });
}

export function registerGroupedMatMul(): void {
  implement(GroupedMatMul, groupedMatMul);
  implement(GroupedMatMulGradWeight, groupedGradWeight);
}
