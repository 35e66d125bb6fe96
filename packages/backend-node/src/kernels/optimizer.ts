import { AdamW, GlobalNorm } from '@moect/kernels';
import type { TensorInfo } from '@tensorflow/tfjs-core';
import { type Id, type Operations, withOperations } from '../operations.ts';
import { implement, type TensorEntry, type TensorflowCall } from '../tensorflow-backend.ts';

/** √(Σ over all inputs of Σ x²) */
function globalNorm({ backend, inputs }: TensorflowCall<typeof GlobalNorm>): TensorInfo {
  return withOperations(backend, (ops) => {
    const halves = ops.inputs(...inputs.x).map((x) => ops.run('L2Loss', [x]));
    const sum = ops.run('AddN', halves, ops.list(halves.length));
    return ops.output(ops.run('Sqrt', [ops.run('Mul', [sum, ops.constant(2)])]));
  });
}

interface Resource {
  readonly handle: Id;
  /** Returns the resource's value as a tensor and destroys the resource. */
  read(): Id;
}

/** Gives every call a new resource. */
const ANONYMOUS = 'cd2c89b7-88b7-44c8-ad83-06c2a9158347';

/**
 * A resource that owns a tensor's memory, so that TensorFlow may change it in place. The number of that tensor is
 * deleted: its entry needs the number that `read` returns.
 */
function resourceOf(ops: Operations, value: Id, shape: readonly number[]): Resource {
  const { binding } = ops.backend;
  const dtype = { name: 'dtype', type: binding.TF_ATTR_TYPE, value: binding.TF_FLOAT };
  const handle = ops.run(
    'VarHandleOp',
    [],
    [
      dtype,
      { name: 'shape', type: binding.TF_ATTR_SHAPE, value: shape },
      { name: 'shared_name', type: binding.TF_ATTR_STRING, value: ANONYMOUS },
    ],
  );
  binding.executeOp('AssignVariableOp', [], [handle, value], 0);
  return {
    handle,
    read() {
      const id = ops.keep(ops.run('ReadVariableOp', [handle], [dtype]));
      binding.executeOp('DestroyResourceOp', [], [handle], 0);
      ops.free(handle);
      return id;
    },
  };
}

function take(ops: Operations, info: TensorInfo): { entry: TensorEntry; resource: Resource } {
  const id = ops.inputs(info)[0]!;
  const entry = ops.backend.tensorMap.get(info.dataId);
  const resource = resourceOf(ops, id, info.shape);
  ops.backend.binding.deleteTensor(id);
  return { entry, resource };
}

/** TensorFlow's Adam in place, after weight decay, with bias corrections in the learning rate and in eps. */
function adamW({ backend, inputs, attrs }: TensorflowCall<typeof AdamW>): readonly [] {
  const { learningRate, eps, step, weightDecays } = attrs;
  // TensorFlow gets the rates as float32: the corrections must use the same rounded rates
  const [beta1, beta2] = [Math.fround(attrs.beta1), Math.fround(attrs.beta2)];
  const second = Math.sqrt(1 - beta2 ** step);
  withOperations(backend, (ops) => {
    const scalar = (value: number): Id => ops.values([], new Float32Array([value]));
    const zero = ops.constant(0);
    const rates = [
      scalar((learningRate * second) / (1 - beta1 ** step)),
      ops.constant(beta1),
      ops.constant(beta2),
      scalar(eps * second),
    ];
    const scale = ops.inputs(inputs.scale)[0]!;
    for (const [i, weightDecay] of weightDecays.entries()) {
      const gradient = ops.run('Mul', [ops.inputs(inputs.grad[i]!)[0]!, scale]);
      const { param, expAvg, expAvgSq } = inputs;
      const all = [param, expAvg, expAvgSq].map((list) => take(ops, list[i]!));
      const handles = all.map(({ resource }) => resource.handle);
      if (weightDecay !== 0) {
        const kept = scalar(1 - learningRate * weightDecay);
        const decayed = resourceProduct(ops, all[0]!.resource.handle, kept);
        backend.binding.executeOp('AssignVariableOp', [], [handles[0]!, decayed], 0);
        ops.free(decayed);
      }
      backend.binding.executeOp('ResourceApplyAdam', [], [...handles, zero, zero, ...rates, gradient], 0);
      for (const { entry, resource } of all) entry.id = resource.read();
      ops.free(gradient);
    }
  });
  return [];
}

function resourceProduct(ops: Operations, handle: Id, factor: Id): Id {
  const { binding } = ops.backend;
  const dtype = { name: 'dtype', type: binding.TF_ATTR_TYPE, value: binding.TF_FLOAT };
  const value = ops.run('ReadVariableOp', [handle], [dtype]);
  const product = ops.run('Mul', [value, factor]);
  ops.free(value);
  return product;
}

export function registerOptimizer(): void {
  implement(GlobalNorm, globalNorm);
  implement(AdamW, adamW);
}
