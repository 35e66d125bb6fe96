import { CombineRows, CombineRowsGrad, SlotRowsGrad, SortByExpert, sizeOf, TopK } from '@moect/kernels';
import type { TensorInfo } from '@tensorflow/tfjs-core';
import type { MoectWebgpuBackend } from '../backend.ts';
import { implement, type WebgpuCall } from '../kernel.ts';
import { output, type Program, runProgram, withScratch } from '../program.ts';
import { fits } from '../tensor-part.ts';
import { gatherRows } from './embedding.ts';
import { rowProgram } from './row-program.ts';
import { rowParts, runRows } from './rows.ts';
import { FLAT_LANES, prefixSum } from './snippets.ts';

/** One invocation takes a row: each search finds the value that ranks next after the one found last. */
const TOP_K: Program = {
  name: 'topK',
  reads: { scores: 'f32' },
  writes: { values: 'f32', indices: 'i32' },
  params: { rows: 'i32', n: 'i32', k: 'i32' },
  lanes: FLAT_LANES,
  body: `
  let row = group * ${FLAT_LANES} + lane;
  if (row >= p.rows) { return; }
  let at = row * p.n;
  var last = -1;
  for (var j = 0; j < p.k; j++) {
    var best = -1;
    for (var i = 0; i < p.n; i++) {
      let v = scores[at + i];
      let isLeft = last < 0 || v < scores[at + last] || (v == scores[at + last] && i > last);
      if (isLeft && (best < 0 || v > scores[at + best])) { best = i; }
    }
    values[row * p.k + j] = scores[at + best];
    indices[row * p.k + j] = best;
    last = best;
  }`,
};

const SORT_LANES = 256;

/**
 * Workgroup e finds the slots of expert e, each lane in a stretch of its own: their places follow the slots of
 * smaller experts and the slots found by the lanes before.
 */
const SORT: Program = {
  name: 'sortByExpert',
  reads: { keys: 'i32' },
  writes: { order: 'i32', inverse: 'i32', offsets: 'i32', tokens: 'i32' },
  params: { slots: 'i32', experts: 'i32', topK: 'i32' },
  lanes: SORT_LANES,
  declarations: prefixSum(SORT_LANES),
  body: `
  let stretch = (p.slots + ${SORT_LANES - 1}) / ${SORT_LANES};
  let first = lane * stretch;
  let end = min(first + stretch, p.slots);
  var smaller = 0;
  var own = 0;
  for (var i = first; i < end; i++) {
    let key = keys[i];
    if (key < group) { smaller++; }
    if (key == group) { own++; }
  }
  _ = before(lane, smaller);
  let start = sumOfAll;
  var place = start + before(lane, own);
  if (lane == 0) {
    offsets[group] = start;
    if (group == p.experts - 1) { offsets[p.experts] = start + sumOfAll; }
  }
  for (var i = first; i < end; i++) {
    if (keys[i] == group) {
      order[place] = i;
      inverse[i] = place;
      tokens[place] = i / p.topK;
      place++;
    }
  }`,
};

/** Sums the rows of each token's slots. They are in the order of slots or, if `sorted`, of experts. */
const sumSlots = (weighted: boolean, sorted: boolean): Program =>
  rowProgram({
    name: `${weighted ? 'combineRows' : 'sumSlots'}${sorted ? '' : ' in order'}`,
    reads: { rows: 'f32', ...(sorted && { inverse: 'i32' }), ...(weighted && { weights: 'f32' }) },
    writes: { y: 'f32' },
    params: { k: 'i32', d: 'i32' },
    body: `
  for (var j = lane; j < p.d; j += LANES) {
    var sum = 0.0;
    for (var slot = group * p.k; slot < (group + 1) * p.k; slot++) {
      sum += ${weighted ? 'weights[slot] * ' : ''}rows[${sorted ? 'inverse[slot]' : 'slot'} * p.d + j];
    }
    y[group * p.d + j] = sum;
  }`,
  });

const SUM_SLOTS = { sorted: sumSlots(false, true), inOrder: sumSlots(false, false) };
const COMBINE = { sorted: sumSlots(true, true), inOrder: sumSlots(true, false) };

/** Gradient of the slot `group`, whose row begins at `at`. */
const combineGrad = (name: string, params: Program['params'], place: string): Program =>
  rowProgram({
    name,
    reads: { rows: 'f32', inverse: 'i32', weights: 'f32', dy: 'f32' },
    writes: { drows: 'f32', dweights: 'f32' },
    params: { k: 'i32', d: 'i32', ...params },
    body: `
  ${place}
  let from0 = (group / p.k) * p.d;
  var own = 0.0;
  for (var j = lane; j < p.d; j += LANES) {
    own += rows[at + j] * dy[from0 + j];
    drows[at + j] = weights[group] * dy[from0 + j];
  }
  let sum = total(lane, own);
  if (lane == 0) { dweights[group] = sum; }`,
  });

const COMBINE_GRAD = combineGrad('combineRowsGrad', {}, 'let at = inverse[group] * p.d;');

/** The same for only the slots whose rows are bound. */
const COMBINE_GRAD_PART = combineGrad(
  'combineRowsGrad of part',
  { firstRow: 'i32', rowCount: 'i32', before: 'i32' },
  `let row = inverse[group] - p.firstRow;
  if (row < 0 || row >= p.rowCount) { return; }
  let at = p.before + row * p.d;`,
);

function topK({ backend, inputs, dims }: WebgpuCall<typeof TopK>): readonly [TensorInfo, TensorInfo] {
  const { scores } = inputs;
  const { rows, n, k } = dims;
  const values = output(backend, [rows, k]);
  const indices = output(backend, [rows, k], 'int32');
  const tensors = { scores, values, indices };
  runProgram(backend, TOP_K, Math.ceil(rows / FLAT_LANES), tensors, { rows, n, k });
  return [values, indices];
}

function sortByExpert({
  backend,
  inputs,
  dims,
}: WebgpuCall<typeof SortByExpert>): readonly [TensorInfo, TensorInfo, TensorInfo, TensorInfo] {
  const keys = inputs.expertIndices;
  const { numExperts: experts, topK, slots } = dims;
  const order = output(backend, [slots], 'int32');
  const inverse = output(backend, [slots], 'int32');
  const offsets = output(backend, [experts + 1], 'int32');
  const tokens = output(backend, [slots], 'int32');
  const tensors = { keys, order, inverse, offsets, tokens };
  runProgram(backend, SORT, experts, tensors, { slots, experts, topK });
  return [order, inverse, offsets, tokens];
}

interface SlotTensors {
  /** [slots, d], in the order of experts. */
  readonly rows: TensorInfo;
  /** [slots] */
  readonly inverse: TensorInfo;
  /** [tokens, d] */
  readonly y: TensorInfo;
  /** [tokens, k], or none. */
  readonly weights?: TensorInfo;
}

/** Gathers rows that exceed a binding into the order of their tokens: a token's rows may lie anywhere. */
function addSlots(
  backend: MoectWebgpuBackend,
  programs: Readonly<Record<'sorted' | 'inOrder', Program>>,
  { rows, inverse, y, ...weights }: SlotTensors,
  k: number,
): void {
  const [tokens, d] = y.shape as [number, number];
  if (d === 0) return;
  const params = { k, d };
  if (fits(backend.limits, rows)) {
    runProgram(backend, programs.sorted, tokens, { rows, inverse, y, ...weights }, params);
    return;
  }
  withScratch(backend, sizeOf(rows.shape), (inOrder) => {
    gatherRows(backend, rows, inverse, inOrder);
    const tensors = { rows: inOrder, y, ...weights };
    runRows(backend, { program: programs.inOrder, rows: tokens, tensors, params });
  });
}

function combineRows({ backend, inputs, dims }: WebgpuCall<typeof CombineRows>): TensorInfo {
  const { weights, rows, inverse } = inputs;
  const { tokens, topK: k, d } = dims;
  const y = output(backend, [tokens, d]);
  addSlots(backend, COMBINE, { rows, inverse, y, weights }, k);
  return y;
}

/** Gradient of gathering the rows of slots: the sum over each token's slots. */
function slotRowsGrad({ backend, inputs, dims }: WebgpuCall<typeof SlotRowsGrad>): TensorInfo {
  const { dy, inverse } = inputs;
  const { tokens, topK: k, d } = dims;
  const dx = output(backend, [tokens, d]);
  addSlots(backend, SUM_SLOTS, { rows: dy, inverse, y: dx }, k);
  return dx;
}

function combineRowsGrad({
  backend,
  inputs,
  dims,
}: WebgpuCall<typeof CombineRowsGrad>): readonly [TensorInfo, TensorInfo] {
  const { weights, rows, inverse, dy } = inputs;
  const { tokens, topK: k, d } = dims;
  const drows = output(backend, rows.shape);
  const dweights = output(backend, weights.shape);
  const ofTokens = { inverse, weights, dy, dweights };
  if (fits(backend.limits, rows)) {
    runProgram(backend, COMBINE_GRAD, tokens * k, { ...ofTokens, rows, drows }, { k, d });
    return [drows, dweights];
  }
  for (const { first, count, operands, shifts } of rowParts(backend, tokens * k, { rows, drows })) {
    const params = { k, d, firstRow: first, rowCount: count, before: shifts['rows']! };
    runRows(backend, {
      program: COMBINE_GRAD_PART,
      rows: tokens,
      tensors: ofTokens,
      shared: operands,
      groups: (part) => part * k,
      params,
    });
  }
  return [drows, dweights];
}

/** Choice of experts, dropless grouping of tokens (arXiv 2211.15841) and combination of their rows. */
export function registerExpertOrder(): void {
  implement(TopK, topK);
  implement(SortByExpert, sortByExpert);
  implement(SlotRowsGrad, slotRowsGrad);
  implement(CombineRows, combineRows);
  implement(CombineRowsGrad, combineRowsGrad);
}
