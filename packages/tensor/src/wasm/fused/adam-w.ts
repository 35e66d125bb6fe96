import { ShapeMismatchError } from '@moect/core';
import { engine, type TensorInfo, Variable } from '@tensorflow/tfjs-core';
import { OP } from '../../generated/wasm-ops.ts';
import type { MoectWasmBackend } from '../backend.ts';
import { registerWasmKernel, type WasmKernelCall } from '../kernel.ts';
import { inputsOf, numberAttr, sizeOf } from './kernel-inputs.ts';
import { withTemporary } from './scratch.ts';

/** Elements of one partial sum, as in assembly/fused/optimizer.ts. */
const SPAN = 8192;

function sumSquares(call: WasmKernelCall): TensorInfo {
  const { backend } = call;
  const { runtime } = backend;
  const x = inputsOf('MoectSumSquares', call)('x', 'float32', ['…']);
  const n = sizeOf(x.shape);
  const spans = Math.ceil(n / SPAN);
  const out = backend.output([], 'float32');
  withTemporary(backend, spans * 8, (partial) => {
    runtime.dispatch(
      OP.SUM_SQUARES,
      [spans, 1, backend.pointer(x), partial, n],
      runtime.chunks(spans, Math.min(n, SPAN)),
    );
    runtime.dispatch(OP.SUM_DOUBLES, [1, 1, partial, spans, out.pointer]);
  });
  return out.info;
}

/** Address of values that nothing else shares: a clone, a reshape or `tf.variable(t)` would change with them. */
function ownPointer(backend: MoectWasmBackend, name: string, info: TensorInfo): number {
  const shared = backend.refCount(info.dataId) > 1 || backend.data.get(info.dataId).dtype !== 'float32';
  if (!shared) return backend.pointer(info);
  if (!(info instanceof Variable)) {
    throw new ShapeMismatchError(
      `MoectAdamW: ${name} (its values are shared with another tensor)`,
      info.shape,
      'a variable, or a tensor with values of its own',
      'Pass the variable itself; it then gets its own copy.',
    );
  }
  const copy = backend.output(info.shape, 'float32');
  const from = backend.pointer(info);
  backend.runtime.u8().copyWithin(copy.pointer, from, from + sizeOf(info.shape) * 4);
  const own = engine().makeTensorFromTensorInfo(copy.info);
  info.assign(own);
  own.dispose();
  return copy.pointer;
}

/** In double precision: 1 - 0.999 in float32 would be off by 1.3e-5. */
function constants(call: WasmKernelCall): number[] {
  const [learningRate, beta1, beta2] = ['learningRate', 'beta1', 'beta2'].map((name) =>
    numberAttr(call, name),
  ) as [number, number, number];
  const step = numberAttr(call, 'step');
  if (!(step >= 1)) throw new RangeError(`MoectAdamW: step counts from 1, not ${step}.`);
  return [
    1 - learningRate * numberAttr(call, 'weightDecay'),
    beta1,
    1 - beta1,
    beta2,
    1 - beta2,
    learningRate / (1 - beta1 ** step),
    1 / Math.sqrt(1 - beta2 ** step),
    numberAttr(call, 'eps'),
  ];
}

function adamW(call: WasmKernelCall): TensorInfo[] {
  const { backend } = call;
  const { runtime } = backend;
  const take = inputsOf('MoectAdamW', call);
  const param = take('param', 'float32', ['…']);
  const grad = take('grad', 'float32', param.shape);
  const expAvg = take('expAvg', 'float32', param.shape);
  const expAvgSq = take('expAvgSq', 'float32', param.shape);
  const scale = take('scale', 'float32', ['…']);
  if (sizeOf(scale.shape) !== 1) throw new ShapeMismatchError('MoectAdamW: scale', scale.shape, '[] or [1]');
  const values = constants(call);
  const n = sizeOf(param.shape);
  const p = ownPointer(backend, 'param', param);
  const m = ownPointer(backend, 'expAvg', expAvg);
  const v = ownPointer(backend, 'expAvgSq', expAvgSq);
  withTemporary(backend, values.length * 4, (at) => {
    const pointers = [p, backend.pointer(grad), m, v, backend.pointer(scale), at];
    runtime.f32().set(values, at >>> 2);
    runtime.dispatch(OP.ADAM_W, [n, 16, ...pointers], runtime.chunks(n, 4));
  });
  return [];
}

/** AdamW (arXiv 1711.05101) in place, and the sum of squares for clipping. */
export function registerAdamW(): void {
  registerWasmKernel('MoectSumSquares', sumSquares);
  registerWasmKernel('MoectAdamW', adamW);
}
