import { AddInto, sizeOf } from '@moect/kernels';
import type { TensorInfo } from '@tensorflow/tfjs-core';
import type { MoectWebgpuBackend } from '../backend.ts';
import { implement, type WebgpuCall } from '../kernel.ts';
import { type Program, runProgram } from '../program.ts';
import type { TensorPart } from '../tensor-part.ts';
import { flatPart, flatRanges } from './flat.ts';
import { bindableTensors, byTensor, cached, chunksOf, layOut, numbered } from './many-tensors.ts';
import { eachElement, FLAT_LANES } from './snippets.ts';

const addInto = (count: number): Program =>
  cached(`addInto ${count}`, () => ({
    reads: numbered(count, (i) => [[`added${i}`, 'f32']]),
    writes: numbered(count, (i) => [[`total${i}`, 'f32']]),
    params: numbered(count, (i) => [
      [`size${i}`, 'i32'],
      [`group${i}`, 'i32'],
    ]),
    lanes: FLAT_LANES,
    body: byTensor(count, (t) => eachElement(`p.size${t}`, `total${t}[i] += added${t}[i];`, 'part')),
  }));

type Pair = Readonly<Record<'total' | 'added', TensorPart>>;

/** The totals change in place. */
function addAll({ backend, inputs }: WebgpuCall<typeof AddInto>): readonly [] {
  const pairs = inputs.total.map((total, i): Pair[] => {
    const added = inputs.added[i]!;
    const parts = flatRanges(backend, sizeOf(total.shape)).map((range) => ({
      total: flatPart(total, range),
      added: flatPart(added, range),
    }));
    return parts.filter(({ total: { size } }) => size > 0);
  });
  for (const chunk of chunksOf(pairs.flat(), Math.floor((bindableTensors(backend) + 2) / 2))) {
    const { params, groups } = layOut(chunk.map(({ total }) => total.size));
    const tensors = numbered<TensorPart>(chunk.length, (i) => [
      [`total${i}`, chunk[i]!.total],
      [`added${i}`, chunk[i]!.added],
    ]);
    runProgram(backend, addInto(chunk.length), groups, tensors, params);
  }
  // copies on the host hold the old values
  for (const total of inputs.total) forgetHostValues(backend, total);
  return [];
}

function forgetHostValues(backend: MoectWebgpuBackend, { dataId }: TensorInfo): void {
  const data = backend.tensorMap.get(dataId);
  if (data.resource != null) (data as { values: unknown }).values = null;
}

/** Sums of many pairs of tensors in place; a dispatch adds as many pairs as it can bind. */
export function registerAddInto(): void {
  implement(AddInto, addAll);
}
