import type { TensorInfo } from '@tensorflow/tfjs-core';
import { inputsOf } from '../../kernel-inputs.ts';
import { registerWebgpuKernel, type WebgpuKernelCall } from '../kernel.ts';
import { output, type Program, runProgram, withScratch } from '../program.ts';
import { ROW_LANES } from './snippets.ts';

/** Row `group` is token t of a sequence that begins at row `start`. */
const PLACE = `
  let start = group / p.time * p.time;
  let id = ids[group];`;

const MEAN: Program = {
  name: 'causalMean',
  reads: { x: 'f32', ids: 'i32' },
  writes: { y: 'f32' },
  params: { time: 'i32', d: 'i32' },
  lanes: ROW_LANES,
  body: `${PLACE}
  var count = 0.0;
  for (var s = start; s <= group; s++) { if (ids[s] == id) { count += 1.0; } }
  for (var j = lane; j < p.d; j += ${ROW_LANES}) {
    var sum = 0.0;
    for (var s = start; s <= group; s++) { if (ids[s] == id) { sum += x[s * p.d + j]; } }
    y[group * p.d + j] = sum / count;
  }`,
};

const COUNTS: Program = {
  name: 'prefixCounts',
  reads: { ids: 'i32' },
  writes: { counts: 'f32' },
  params: { time: 'i32', rows: 'i32' },
  lanes: ROW_LANES,
  body: `
  let row = group * ${ROW_LANES} + lane;
  if (row >= p.rows) { return; }
  var count = 0.0;
  for (var s = row / p.time * p.time; s <= row; s++) { if (ids[s] == ids[row]) { count += 1.0; } }
  counts[row] = count;`,
};

const MEAN_GRAD: Program = {
  name: 'causalMeanGrad',
  reads: { dy: 'f32', ids: 'i32', counts: 'f32' },
  writes: { dx: 'f32' },
  params: { time: 'i32', d: 'i32' },
  lanes: ROW_LANES,
  body: `${PLACE}
  for (var j = lane; j < p.d; j += ${ROW_LANES}) {
    var sum = 0.0;
    for (var t = group; t < start + p.time; t++) { if (ids[t] == id) { sum += dy[t * p.d + j] / counts[t]; } }
    dx[group * p.d + j] = sum;
  }`,
};

function causalMean(call: WebgpuKernelCall): TensorInfo {
  const { backend } = call;
  const take = inputsOf('MoectCausalMean', call);
  const x = take('x', 'float32', ['batch', 'time', 'd']);
  const [batch, time, d] = x.shape as [number, number, number];
  const ids = take('documentIds', 'int32', [batch, time]);
  const y = output(backend, x.shape);
  runProgram(backend, MEAN, d === 0 ? 0 : batch * time, { x, ids, y }, { time, d });
  return y;
}

function causalMeanGrad(call: WebgpuKernelCall): TensorInfo {
  const { backend } = call;
  const take = inputsOf('MoectCausalMeanGrad', call);
  const dy = take('dy', 'float32', ['batch', 'time', 'd']);
  const [batch, time, d] = dy.shape as [number, number, number];
  const ids = take('documentIds', 'int32', [batch, time]);
  const dx = output(backend, dy.shape);
  const rows = batch * time;
  withScratch(backend, Math.max(1, rows), (counts) => {
    runProgram(backend, COUNTS, Math.ceil(rows / ROW_LANES), { ids, counts }, { time, rows });
    runProgram(backend, MEAN_GRAD, d === 0 ? 0 : rows, { dy, ids, counts, dx }, { time, d });
  });
  return dx;
}

/** Mean of each token's prefix within its document, and its gradient. */
export function registerCausalMean(): void {
  registerWebgpuKernel('MoectCausalMean', causalMean);
  registerWebgpuKernel('MoectCausalMeanGrad', causalMeanGrad);
}
