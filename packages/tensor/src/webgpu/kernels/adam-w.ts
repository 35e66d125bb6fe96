import { ShapeMismatchError } from '@moect/core';
import { engine, type TensorInfo, Variable } from '@tensorflow/tfjs-core';
import { inputsOf, numberAttr, sizeOf } from '../../kernel-inputs.ts';
import type { MoectWebgpuBackend } from '../backend.ts';
import { registerWebgpuKernel, type WebgpuKernelCall } from '../kernel.ts';
import { output, type Program, runProgram, withScratch } from '../program.ts';
import type { Range, TensorPart } from '../tensor-part.ts';
import { flatPart, flatRanges, runFlat } from './flat.ts';
import { eachElement, FLAT_LANES, flatGroups, REDUCTIONS, ROW_LANES } from './snippets.ts';

/** Tensors that a dispatch can bind, besides its result and one more. */
function bindableTensors(backend: MoectWebgpuBackend): number {
  return Math.max(4, backend.device.limits.maxStorageBuffersPerShaderStage - 2);
}

function chunksOf<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, i) =>
    items.slice(i * size, (i + 1) * size),
  );
}

const numbered = <T>(
  count: number,
  entry: (i: number) => readonly (readonly [string, T])[],
): Record<string, T> => Object.fromEntries(Array.from({ length: count }, (_, i) => entry(i)).flat());

/** Runs `statements(i)` for the workgroups of tensor i, which begin at p.group<i>; `part` counts them. */
const byTensor = (count: number, statements: (i: number) => string): string =>
  Array.from({ length: count }, (_, i) => i)
    .reverse()
    .map((i) => `if (group >= p.group${i}) { let part = group - p.group${i}; ${statements(i)} }`)
    .join(' else ');

const programs = new Map<string, Program>();
function cached(name: string, make: () => Omit<Program, 'name'>): Program {
  const program = programs.get(name) ?? { name, ...make() };
  programs.set(name, program);
  return program;
}

/** Each workgroup sums the squares of its part of a tensor. */
const sumSquares = (count: number): Program =>
  cached(`sumSquares ${count}`, () => ({
    reads: numbered(count, (i) => [[`x${i}`, 'f32']]),
    writes: { sums: 'f32' },
    params: {
      firstSum: 'i32',
      ...numbered<'i32'>(count, (i) => [
        [`size${i}`, 'i32'],
        [`group${i}`, 'i32'],
      ]),
    },
    lanes: FLAT_LANES,
    declarations: REDUCTIONS,
    body: `
  var own = 0.0;
  ${byTensor(count, (i) => eachElement(`p.size${i}`, `own += x${i}[i] * x${i}[i];`, 'part'))}
  let sum = total(lane, own);
  if (lane == 0) { sums[p.firstSum + group] = sum; }`,
  }));

const ROOT_OF_SUM: Program = {
  name: 'rootOfSum',
  reads: { sums: 'f32' },
  writes: { y: 'f32' },
  params: { count: 'i32' },
  lanes: ROW_LANES,
  declarations: REDUCTIONS,
  body: `
  var own = 0.0;
  for (var i = lane; i < p.count; i += ${ROW_LANES}) { own += sums[i]; }
  let sum = total(lane, own);
  if (lane == 0) { y[0] = sqrt(sum); }`,
};

/** First workgroup of each tensor or part of one, and how many there are in all. */
function layOut(sizes: readonly number[]): { params: Record<string, number>; groups: number } {
  let groups = 0;
  const params: Record<string, number> = {};
  for (const [i, size] of sizes.entries()) {
    params[`size${i}`] = size;
    params[`group${i}`] = groups;
    groups += flatGroups(size);
  }
  return { params, groups };
}

/** Square root of the sum of squares of all inputs, in an order that depends on their sizes alone. */
function globalNorm(call: WebgpuKernelCall): TensorInfo {
  const { backend } = call;
  const take = inputsOf('MoectGlobalNorm', call);
  const infos = Object.keys(call.inputs).map((name) => take(name, 'float32', ['…']));
  const filled = infos.filter(({ shape }) => sizeOf(shape) > 0);
  const y = output(backend, []);
  const count = filled.reduce((sum, { shape }) => sum + flatGroups(sizeOf(shape)), 0);
  withScratch(backend, Math.max(1, count), (sums) => {
    let firstSum = 0;
    const parts = filled.flatMap((info) =>
      flatRanges(backend, sizeOf(info.shape)).map((range) => flatPart(info, range)),
    );
    for (const chunk of chunksOf(parts, bindableTensors(backend))) {
      const { params, groups } = layOut(chunk.map(({ size }) => size));
      const tensors = Object.fromEntries(chunk.map((part, i) => [`x${i}`, part]));
      runProgram(backend, sumSquares(chunk.length), groups, { ...tensors, sums }, { ...params, firstSum });
      firstSum += groups;
    }
    runProgram(backend, ROOT_OF_SUM, 1, { sums, y }, { count });
  });
  return y;
}

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

/** In double precision: 1 - 0.999 in float32 would be off by 1.3e-5. */
function constants(call: WebgpuKernelCall): Record<string, number> {
  const [learningRate, beta1, beta2] = ['learningRate', 'beta1', 'beta2'].map((name) =>
    numberAttr(call, name),
  ) as [number, number, number];
  const step = numberAttr(call, 'step');
  if (!(step >= 1)) throw new RangeError(`MoectAdamW: step counts from 1, not ${step}.`);
  const rate = learningRate / (1 - beta1 ** step);
  const root = 1 / Math.sqrt(1 - beta2 ** step);
  return { beta1, rest1: 1 - beta1, beta2, rest2: 1 - beta2, rate, root, eps: numberAttr(call, 'eps') };
}

/** A tensor with values that nothing else shares: a clone, a reshape or `tf.variable(t)` would change with them. */
function owned(backend: MoectWebgpuBackend, name: string, info: TensorInfo): TensorInfo {
  if (backend.refCount(info.dataId) === 1) return info;
  if (!(info instanceof Variable)) {
    throw new ShapeMismatchError(
      `MoectAdamW: ${name} (its values are shared with another tensor)`,
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

/** Inputs param0, grad0, expAvg0, expAvgSq0, param1, …, scale; attribute weightDecays has one number for each. */
function adamW(call: WebgpuKernelCall): TensorInfo[] {
  const { backend } = call;
  const take = inputsOf('MoectAdamW', call);
  const scale = take('scale', 'float32', ['…']);
  if (sizeOf(scale.shape) !== 1) throw new ShapeMismatchError('MoectAdamW: scale', scale.shape, '[] or [1]');
  const shared = constants(call);
  const learningRate = numberAttr(call, 'learningRate');
  const entries = (call.attrs['weightDecays'] as number[]).map((weightDecay, i): Entry => {
    const info = take(`param${i}`, 'float32', ['…']);
    const grad = take(`grad${i}`, 'float32', info.shape);
    const own = (name: string): TensorInfo =>
      owned(backend, name, take(`${name}${i}`, 'float32', info.shape));
    const decay = 1 - learningRate * weightDecay;
    return { param: own('param'), grad, m: own('expAvg'), v: own('expAvgSq'), decay };
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

/** AdamW (arXiv 1711.05101) in place, and the global norm for clipping: as many tensors a dispatch as it can bind. */
export function registerAdamW(): void {
  registerWebgpuKernel('MoectGlobalNorm', globalNorm);
  registerWebgpuKernel('MoectAdamW', adamW);
}
