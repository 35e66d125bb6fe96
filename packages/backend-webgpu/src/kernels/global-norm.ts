import { ClipScale, GlobalNorm, sizeOf } from '@moect/kernels';
import type { TensorInfo } from '@tensorflow/tfjs-core';
import { implement, type WebgpuCall } from '../kernel.ts';
import { output, type Program, runProgram, withScratch } from '../program.ts';
import { flatPart, flatRanges } from './flat.ts';
import { bindableTensors, byTensor, cached, chunksOf, layOut, numbered } from './many-tensors.ts';
import { eachElement, FLAT_LANES, flatGroups, REDUCTIONS, ROW_LANES } from './snippets.ts';

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

/** Square root of the sum of squares of all inputs, in an order that depends on their sizes alone. */
function globalNorm({ backend, inputs }: WebgpuCall<typeof GlobalNorm>): TensorInfo {
  const filled = inputs.x.filter(({ shape }) => sizeOf(shape) > 0);
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

const CLIP_SCALE: Program = {
  name: 'clipScale',
  reads: { norm: 'f32' },
  writes: { y: 'f32' },
  params: { maxNorm: 'f32' },
  lanes: 1,
  body: 'y[0] = min(p.maxNorm / (norm[0] + 1e-6), 1.0);',
};

function clipScale({ backend, inputs: { norm }, attrs }: WebgpuCall<typeof ClipScale>): TensorInfo {
  const y = output(backend, []);
  runProgram(backend, CLIP_SCALE, 1, { norm, y }, { maxNorm: attrs.maxNorm });
  return y;
}

/** Global norm of many tensors, and the factor of clipping by it. */
export function registerGlobalNorm(): void {
  implement(GlobalNorm, globalNorm);
  implement(ClipScale, clipScale);
}
