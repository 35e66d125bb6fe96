import { Rope } from '@moect/kernels';
import type { TensorInfo } from '@tensorflow/tfjs-core';
import { type Id, type Operations, withOperations } from '../operations.ts';
import { implement, type TensorflowCall } from '../tensorflow-backend.ts';

const concat = (ops: Operations, parts: readonly Id[]): Id =>
  ops.run('ConcatV2', [...parts, ops.integer(-1)], ops.list(parts.length));

/** x · [cos, cos] + [x₂, x₁] · [−sin, sin]; the inverse turns the other way. */
function rope({ backend, inputs, attrs, dims }: TensorflowCall<typeof Rope>): TensorInfo {
  return withOperations(backend, (ops) => {
    const { batch, time, headDim } = dims;
    const [x, cos, sin, positions] = ops.inputs(inputs.x, inputs.cos, inputs.sin, inputs.positions);
    const at = ops.reshape(positions!, [-1]);
    const rows = (table: Id): Id => ops.run('GatherV2', [table, at, ops.integer(0)]);
    const wide = (parts: readonly Id[]): Id => ops.reshape(concat(ops, parts), [batch, time, 1, headDim]);
    const [c, s] = [rows(cos!), rows(sin!)];
    const negative = ops.run('Neg', [s]);
    const halves = ops.runAll('Split', [ops.integer(3), x!], 2, [
      { name: 'num_split', type: backend.binding.TF_ATTR_INT, value: 2 },
    ]);
    const swapped = concat(ops, [halves[1]!, halves[0]!]);
    const straight = ops.run('Mul', [x!, wide([c, c])]);
    const turned = ops.run('Mul', [swapped, wide(attrs.inverse ? [s, negative] : [negative, s])]);
    return ops.output(ops.run('AddV2', [straight, turned]));
  });
}

export function registerRope(): void {
  implement(Rope, rope);
}
