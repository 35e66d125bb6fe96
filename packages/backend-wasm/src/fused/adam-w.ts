import { ShapeMismatchError } from '@moect/core';
import { AdamW, GlobalNorm, sizeOf } from '@moect/kernels';
import { engine, type TensorInfo, Variable } from '@tensorflow/tfjs-core';
import type { MoectWasmBackend } from '../backend.ts';
import { OP } from '../generated/wasm-ops.ts';
import { implement, type WasmCall } from '../kernel.ts';
import { stridedCopy } from '../kernels/copy.ts';
import { floatBits } from '../layout.ts';
import { withTemporary } from './scratch.ts';

/** Elements of one unit, as in assembly/fused/optimizer.ts. */
const SPAN = 8192;

const spansOf = (info: TensorInfo): number => Math.ceil(sizeOf(info.shape) / SPAN);

interface Records {
  readonly words: Int32Array;
  readonly count: number;
  /** Units of all tensors together. */
  readonly units: number;
}

/** A record per tensor: elements, first unit, then `words`. Empty tensors have none. */
function recordsOf(
  tensors: readonly { readonly info: TensorInfo; readonly words: readonly number[] }[],
): Records {
  const words: number[] = [];
  let [count, units] = [0, 0];
  for (const { info, words: own } of tensors) {
    const spans = spansOf(info);
    if (spans === 0) continue;
    words.push(sizeOf(info.shape), units, ...own);
    units += spans;
    count++;
  }
  return { words: Int32Array.from(words), count, units };
}

/** Square root of the sum of squares of all inputs: one pass over all of them. */
function globalNorm({ backend, inputs }: WasmCall<typeof GlobalNorm>): TensorInfo {
  const { runtime } = backend;
  const out = backend.output([], 'float32');
  const tensors = inputs.x.map((info) => ({ info, words: [backend.pointer(info)] }));
  const { words, count, units } = recordsOf(tensors);
  withTemporary(backend, units * 8 + words.byteLength, (partial) => {
    const records = partial + units * 8;
    runtime.store(records, words);
    const args = [units, 1, records, count, partial];
    if (units > 0) runtime.dispatch(OP.SUM_SQUARES, args, runtime.chunks(units, SPAN));
    runtime.dispatch(OP.ROOT_OF_SUM, [1, 1, partial, units, out.pointer]);
  });
  return out.info;
}

/** Address of values that nothing else shares: a clone, a reshape or `tf.variable(t)` would change with them. */
function ownPointer(backend: MoectWasmBackend, name: string, info: TensorInfo): number {
  const shared = backend.refCount(info.dataId) > 1 || backend.data.get(info.dataId).dtype !== 'float32';
  if (!shared) return backend.pointer(info);
  if (!(info instanceof Variable)) {
    throw new ShapeMismatchError(
      `${AdamW.name}: ${name} (its values are shared with another tensor)`,
      info.shape,
      'a variable, or a tensor with values of its own',
      'Pass the variable itself; it then gets its own copy.',
    );
  }
  const copy = backend.output(info.shape, 'float32');
  const from = backend.pointer(info);
  stridedCopy(backend, from, copy.pointer, [{ size: sizeOf(info.shape), from: 4, to: 4 }], 4);
  const own = engine().makeTensorFromTensorInfo(copy.info);
  info.assign(own);
  own.dispose();
  return copy.pointer;
}

/** In double precision: 1 - 0.999 in float32 would be off by 1.3e-5. */
function constants({ learningRate, beta1, beta2, step, eps }: WasmCall<typeof AdamW>['attrs']): Float32Array {
  return Float32Array.of(
    ...[beta1, 1 - beta1, beta2, 1 - beta2],
    learningRate / (1 - beta1 ** step),
    1 / Math.sqrt(1 - beta2 ** step),
    eps,
  );
}

function adamW({ backend, inputs, attrs }: WasmCall<typeof AdamW>): readonly [] {
  const { runtime } = backend;
  const { scale } = inputs;
  const values = constants(attrs);
  const tensors = inputs.param.map((info, i) => {
    const param = ownPointer(backend, 'param', info);
    const m = ownPointer(backend, 'expAvg', inputs.expAvg[i]!);
    const v = ownPointer(backend, 'expAvgSq', inputs.expAvgSq[i]!);
    const decay = floatBits(1 - attrs.learningRate * attrs.weightDecays[i]!);
    return { info, words: [param, backend.pointer(inputs.grad[i]!), m, v, decay] };
  });
  const { words, count, units } = recordsOf(tensors);
  withTemporary(backend, values.byteLength + words.byteLength, (at) => {
    const records = at + values.byteLength;
    runtime.store(at, values);
    runtime.store(records, words);
    const args = [units, 1, records, count, backend.pointer(scale), at];
    if (units > 0) runtime.dispatch(OP.ADAM_W, args, runtime.chunks(units, SPAN * 4));
  });
  return [];
}

/** AdamW (arXiv 1711.05101) in place, and the global norm for clipping: each one pass over all tensors. */
export function registerAdamW(): void {
  implement(GlobalNorm, globalNorm);
  implement(AdamW, adamW);
}
