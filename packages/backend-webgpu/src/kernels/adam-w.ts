import { ShapeMismatchError } from '@moect/core';
import { AdamW, sizeOf } from '@moect/kernels';
import { engine, type TensorInfo, Variable } from '@tensorflow/tfjs-core';
import type { MoectWebgpuBackend } from '../backend.ts';
import { implement, type WebgpuCall } from '../kernel.ts';
import { output, type Program, runProgram } from '../program.ts';
import type { Range, TensorPart } from '../tensor-part.ts';
import { flatPart, flatRanges, runFlat } from './flat.ts';
import { bindableTensors, byTensor, cached, chunksOf, layOut, numbered } from './many-tensors.ts';
import { eachElement, FLAT_LANES } from './snippets.ts';

const adamWProgram = (count: number): Program =>
  cached(`adamW ${count}`, () => ({
    reads: { scale: 'f32', ...numbered<'f32'>(count, (i) => [[`grad${i}`, 'f32']]) },
    writes: numbered<'f32'>(count, (i) => [
      [`param${i}`, 'f32'],
      [`m${i}`, 'f32'],
      [`v${i}`, 'f32'],
    ]),
    params: {
      ...{ beta1: 'f32', rest1: 'f32', beta2: 'f32', rest2: 'f32', rate: 'f32', root: 'f32', eps: 'f32' },
      ...numbered<'i32' | 'f32'>(count, (i) => [
        [`size${i}`, 'i32'],
        [`group${i}`, 'i32'],
        [`decay${i}`, 'f32'],
      ]),
    },
    lanes: FLAT_LANES,
    body: byTensor(count, (t) =>
      eachElement(
        `p.size${t}`,
        `let g = grad${t}[i] * scale[0];
         let m = p.beta1 * m${t}[i] + p.rest1 * g;
         let v = p.beta2 * v${t}[i] + p.rest2 * g * g;
         m${t}[i] = m;
         v${t}[i] = v;
         param${t}[i] = param${t}[i] * p.decay${t} - p.rate * (m / (sqrt(v) * p.root + p.eps));`,
        'part',
      ),
    ),
  }));

/** Computes in double precision: 1 - 0.999 in float32 would be off by 1.3e-5. */
function constants({
  learningRate,
  beta1,
  beta2,
  step,
  eps,
}: WebgpuCall<typeof AdamW>['attrs']): Record<string, number> {
  const rate = learningRate / (1 - beta1 ** step);
  const root = 1 / Math.sqrt(1 - beta2 ** step);
  return { beta1, rest1: 1 - beta1, beta2, rest2: 1 - beta2, rate, root, eps };
}

/** A tensor with unshared values: an update would also change a clone, a reshape or `tf.variable(t)`. */
function owned(backend: MoectWebgpuBackend, name: string, info: TensorInfo): TensorInfo {
  if (backend.refCount(info.dataId) === 1) return info;
  if (!(info instanceof Variable)) {
    throw new ShapeMismatchError(
      `${AdamW.name}: ${name} (its values are shared with another tensor)`,
      info.shape,
      'a variable, or a tensor with values of its own',
      'Pass the variable itself; it then gets its own copy.',
    );
  }
  const copy = output(backend, info.shape);
  runFlat(backend, COPY, sizeOf(info.shape), { x: info, y: copy });
  const own = engine().makeTensorFromTensorInfo(copy);
  info.assign(own);
  own.dispose();
  return info;
}

const COPY: Program = {
  name: 'copy',
  reads: { x: 'f32' },
  writes: { y: 'f32' },
  params: { size: 'i32' },
  lanes: FLAT_LANES,
  body: eachElement('p.size', 'y[i] = x[i];'),
};

interface Entry {
  readonly param: TensorInfo;
  readonly grad: TensorInfo;
  readonly m: TensorInfo;
  readonly v: TensorInfo;
  readonly decay: number;
}

/** The same part of all four tensors of an entry. */
type EntryPart = Record<'param' | 'grad' | 'm' | 'v', TensorPart> & { readonly decay: number };

function partOf({ param, grad, m, v, decay }: Entry, range: Range): EntryPart {
  const [p, g, first, second] = [param, grad, m, v].map((tensor) => flatPart(tensor, range));
  return { param: p!, grad: g!, m: first!, v: second!, decay };
}

function adamW({ backend, inputs, attrs }: WebgpuCall<typeof AdamW>): readonly [] {
  const { scale } = inputs;
  const shared = constants(attrs);
  const entries = inputs.param.map((info, i): Entry => {
    const param = owned(backend, 'param', info);
    const m = owned(backend, 'expAvg', inputs.expAvg[i]!);
    const v = owned(backend, 'expAvgSq', inputs.expAvgSq[i]!);
    const decay = 1 - attrs.learningRate * attrs.weightDecays[i]!;
    return { param, grad: inputs.grad[i]!, m, v, decay };
  });
  const filled = entries.filter(({ param }) => sizeOf(param.shape) > 0);
  const parts = filled.flatMap((entry) =>
    flatRanges(backend, sizeOf(entry.param.shape)).map((range) => partOf(entry, range)),
  );
  for (const chunk of chunksOf(parts, Math.max(1, Math.floor((bindableTensors(backend) + 1) / 4)))) {
    const { params, groups } = layOut(chunk.map(({ param }) => param.size));
    const tensors = numbered<TensorPart>(chunk.length, (i) => {
      const { param, grad, m, v } = chunk[i]!;
      return [
        [`param${i}`, param],
        [`grad${i}`, grad],
        [`m${i}`, m],
        [`v${i}`, v],
      ];
    });
    const decays = numbered<number>(chunk.length, (i) => [[`decay${i}`, chunk[i]!.decay]]);
    const all = { ...shared, ...params, ...decays };
    runProgram(backend, adamWProgram(chunk.length), groups, { ...tensors, scale }, all);
  }
  return [];
}

/** AdamW (arXiv 1711.05101) in place; a dispatch updates as many tensors as it can bind. */
export function registerAdamW(): void {
  implement(AdamW, adamW);
}
