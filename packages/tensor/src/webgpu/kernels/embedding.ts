import type { TensorInfo } from '@tensorflow/tfjs-core';
import { inputsOf, lastSize, numberAttr, sizeOf } from '../../kernel-inputs.ts';
import { registerWebgpuKernel, type WebgpuKernelCall } from '../kernel.ts';
import { output, type Program, runProgram } from '../program.ts';
import { eachElement, FLAT_LANES, flatGroups, REDUCTIONS, ROW_LANES } from './snippets.ts';

const GATHER: Program = {
  name: 'gatherRows',
  reads: { table: 'f32', ids: 'i32' },
  writes: { y: 'f32' },
  params: { size: 'i32', d: 'i32' },
  lanes: FLAT_LANES,
  body: eachElement('p.size', 'y[i] = table[ids[i / p.d] * p.d + i % p.d];'),
};

const ZERO: Program = {
  name: 'zero',
  reads: {},
  writes: { y: 'f32' },
  params: { size: 'i32' },
  lanes: FLAT_LANES,
  body: eachElement('p.size', 'y[i] = 0.0;'),
};

/** The first place of an id adds up the rows of all its places, in their order. */
const SCATTER: Program = {
  name: 'scatterRows',
  reads: { ids: 'i32', dy: 'f32' },
  writes: { dtable: 'f32' },
  params: { places: 'i32', d: 'i32', vocabSize: 'i32' },
  lanes: ROW_LANES,
  declarations: REDUCTIONS,
  body: `
  let id = ids[group];
  if (id < 0 || id >= p.vocabSize) { return; }
  var before = 0.0;
  for (var i = lane; i < group; i += ${ROW_LANES}) {
    if (ids[i] == id) { before = 1.0; }
  }
  if (total(lane, before) > 0.0) { return; }
  for (var j = lane; j < p.d; j += ${ROW_LANES}) {
    var sum = dy[group * p.d + j];
    for (var i = group + 1; i < p.places; i++) {
      if (ids[i] == id) { sum += dy[i * p.d + j]; }
    }
    dtable[id * p.d + j] = sum;
  }`,
};

function embedding(call: WebgpuKernelCall): TensorInfo {
  const { backend } = call;
  const take = inputsOf('MoectEmbedding', call);
  const table = take('table', 'float32', ['rows', 'd']);
  const d = lastSize(table);
  const ids = take('ids', 'int32', ['…']);
  const y = output(backend, [...ids.shape, d]);
  const size = sizeOf(y.shape);
  runProgram(backend, GATHER, flatGroups(size), { table, ids, y }, { size, d });
  return y;
}

function embeddingGrad(call: WebgpuKernelCall): TensorInfo {
  const { backend } = call;
  const take = inputsOf('MoectEmbeddingGrad', call);
  const ids = take('ids', 'int32', ['…']);
  const dy = take('dy', 'float32', [...ids.shape, 'd']);
  const d = lastSize(dy);
  const vocabSize = numberAttr(call, 'vocabSize');
  const dtable = output(backend, [vocabSize, d]);
  const places = sizeOf(ids.shape);
  const size = vocabSize * d;
  runProgram(backend, ZERO, flatGroups(size), { y: dtable }, { size });
  runProgram(backend, SCATTER, d === 0 ? 0 : places, { ids, dy, dtable }, { places, d, vocabSize });
  return dtable;
}

/** Rows of a table, and the gradient that adds up the rows of repeated ids in their order. */
export function registerEmbedding(): void {
  registerWebgpuKernel('MoectEmbedding', embedding);
  registerWebgpuKernel('MoectEmbeddingGrad', embeddingGrad);
}
