import { CausalMean, CausalMeanGrad } from '@moect/kernels';
import type { TensorInfo } from '@tensorflow/tfjs-core';
import { implement, type WebgpuCall } from '../kernel.ts';
import { output, type Program, withScratch } from '../program.ts';
import { runRows } from './rows.ts';
import { ROW_LANES } from './snippets.ts';

/** Columns of a workgroup, and stretches of time that it processes at once. */
const COLUMNS = 16;
const STRETCHES = 16;
/** Tokens of a stretch: fixed, so that the bits of a sum depend only on its terms. */
const STRETCH = 32;
const BLOCK: number = STRETCHES * STRETCH;

interface RunningSum {
  readonly name: string;
  readonly reads: Program['reads'];
  /** 1 goes towards the end of a sequence, -1 towards its start. */
  readonly step: 1 | -1;
  /** WGSL of a term: element `at` of row `row`. */
  readonly value: string;
  /** WGSL of the result, from `sum` and the number of terms `count`. */
  readonly result: string;
}

/**
 * Running sums of each column that restart where the document changes. Each lane sums a stretch of time, then
 * adds what the stretches before carry over, and passes through its own stretch again to write the results.
 */
const runningSum = ({ name, reads, step, value, result }: RunningSum): Program => {
  const eachTerm = (statements: string): string => `
    for (var i = stretch * ${STRETCH}; i < (stretch + 1) * ${STRETCH}; i++) {
      let t = begin + ${step === 1 ? 'i' : `${BLOCK - 1} - i`};
      if (t >= p.time || j >= p.d) { continue; }
      let row = start + t;
      let at = row * p.d + j;
      if (t == ${step === 1 ? '0' : 'p.time - 1'} || ids[row] != ids[row - ${step}]) {
        sum = 0.0;
        count = 0.0;
        isCut = true;
      }
      sum += ${value};
      count += 1.0;
      ${statements}
    }`;
  const loop =
    step === 1
      ? `var begin = 0; begin < p.time; begin += ${BLOCK}`
      : `var begin = (p.time - 1) / ${BLOCK} * ${BLOCK}; begin >= 0; begin -= ${BLOCK}`;
  return {
    name,
    reads: { ...reads, ids: 'i32' },
    writes: { y: 'f32' },
    params: { time: 'i32', d: 'i32' },
    lanes: COLUMNS * STRETCHES,
    declarations: `
struct Rest { sum : f32, count : f32, isCut : bool }
var<workgroup> rests : array<Rest, ${COLUMNS * STRETCHES}>;`,
    body: `
  let blocks = (p.d + ${COLUMNS - 1}) / ${COLUMNS};
  let start = group / blocks * p.time;
  let column = lane % ${COLUMNS};
  let j = group % blocks * ${COLUMNS} + column;
  let stretch = lane / ${COLUMNS};
  var carried = Rest(0.0, 0.0, false);
  for (${loop}) {
    var sum = 0.0;
    var count = 0.0;
    var isCut = false;
    ${eachTerm('')}
    rests[lane] = Rest(sum, count, isCut);
    workgroupBarrier();
    for (var s = 0; s < ${STRETCHES}; s++) {
      if (s == stretch) {
        sum = carried.sum;
        count = carried.count;
      }
      let rest = rests[s * ${COLUMNS} + column];
      if (rest.isCut) { carried = rest; } else {
        carried.sum += rest.sum;
        carried.count += rest.count;
      }
    }
    ${eachTerm(`y[at] = ${result};`)}
    workgroupBarrier();
  }`,
  };
};

const MEAN = runningSum({
  name: 'causalMean',
  reads: { x: 'f32' },
  step: 1,
  value: 'x[at]',
  result: 'sum / count',
});

const MEAN_GRAD = runningSum({
  name: 'causalMeanGrad',
  reads: { dy: 'f32', counts: 'f32' },
  step: -1,
  value: 'dy[at] / counts[row]',
  result: 'sum',
});

/** Counts each token's prefix within its document; a workgroup takes a sequence, a lane a stretch of it. */
const COUNTS: Program = {
  name: 'prefixCounts',
  reads: { ids: 'i32' },
  writes: { counts: 'f32' },
  params: { time: 'i32' },
  lanes: ROW_LANES,
  declarations: `var<workgroup> starts : array<i32, ${ROW_LANES}>;`,
  body: `
  let row = group * p.time;
  let stretch = (p.time + ${ROW_LANES - 1}) / ${ROW_LANES};
  let end = min((lane + 1) * stretch, p.time);
  var first = -1;
  for (var t = lane * stretch; t < end; t++) {
    if (t == 0 || ids[row + t] != ids[row + t - 1]) { first = t; }
  }
  starts[lane] = first;
  workgroupBarrier();
  first = 0;
  for (var before = 0; before < lane; before++) { first = max(first, starts[before]); }
  for (var t = lane * stretch; t < end; t++) {
    if (t == 0 || ids[row + t] != ids[row + t - 1]) { first = t; }
    counts[row + t] = f32(t - first + 1);
  }`,
};

const groupsOf = (batch: number, time: number, d: number): number =>
  time === 0 ? 0 : batch * Math.ceil(d / COLUMNS);

function causalMean({ backend, inputs, dims }: WebgpuCall<typeof CausalMean>): TensorInfo {
  const { x, documentIds: ids } = inputs;
  const { batch, time, d } = dims;
  const y = output(backend, x.shape);
  runRows(backend, {
    program: MEAN,
    rows: batch,
    tensors: { x, ids, y },
    groups: (count) => groupsOf(count, time, d),
    params: { time, d },
  });
  return y;
}

function causalMeanGrad({ backend, inputs, dims }: WebgpuCall<typeof CausalMeanGrad>): TensorInfo {
  const { dy, documentIds: ids } = inputs;
  const { batch, time, d } = dims;
  const y = output(backend, dy.shape);
  withScratch(backend, Math.max(1, batch * time), (counts) => {
    const groups = (rows: number): number => groupsOf(rows, time, d);
    const tensors = { ids, counts };
    runRows(backend, { program: COUNTS, rows: time === 0 ? 0 : batch, tensors, params: { time } });
    const both = { dy, ...tensors, y };
    runRows(backend, { program: MEAN_GRAD, rows: batch, tensors: both, groups, params: { time, d } });
  });
  return y;
}

/** Mean of each token's prefix within its document, and its gradient. */
export function registerCausalMean(): void {
  implement(CausalMean, causalMean);
  implement(CausalMeanGrad, causalMeanGrad);
}
