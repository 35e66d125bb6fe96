import { Embedding, EmbeddingGrad, lastSize, type MatrixStorage, sizeOf } from '@moect/kernels';
import type { TensorInfo } from '@tensorflow/tfjs-core';
import type { MoectWebgpuBackend } from '../backend.ts';
import type { FrozenMatrix } from '../frozen-matrices.ts';
import { frozenRanges, partsOf, wordsOfRow } from '../frozen-rows.ts';
import { implement, type WebgpuCall } from '../kernel.ts';
import { output, type Program, runProgram, withScratch } from '../program.ts';
import { ALIGNMENT, bindable, fits, partWith, type Range, ranges, type TensorPart } from '../tensor-part.ts';
import { ZEROS } from './elementwise.ts';
import { runFlat } from './flat.ts';
import { runRows } from './rows.ts';
import { eachElement, FLAT_LANES, flatGroups, prefixSum, ROW_LANES } from './snippets.ts';
import { perStorage, SCALES, WIDENING } from './widening.ts';

/** Runs statements with `row` if it is in this part of the table; ids outside the table are clamped. */
const rowOfIds = (statements: string): string => `
  let row = clamp(ids[i / p.d], 0, p.vocabSize - 1) - p.firstRow;
  if (row >= 0 && row < p.rows) { ${statements} }`;

const GATHER: Program = {
  name: 'gatherRows',
  reads: { table: 'f32', ids: 'i32' },
  writes: { y: 'f32' },
  params: { size: 'i32', d: 'i32', at: 'i32', firstRow: 'i32', rows: 'i32', vocabSize: 'i32' },
  lanes: FLAT_LANES,
  body: eachElement('p.size', rowOfIds('y[i] = table[p.at + row * p.d + i % p.d];')),
};

const gatherCompressed = (storage: MatrixStorage): Program => ({
  ...GATHER,
  name: `gatherRows ${storage}`,
  reads: { table: 'i32', ids: 'i32', ...SCALES(storage) },
  declarations: WIDENING[storage]('table'),
  body: eachElement('p.size', rowOfIds('y[i] = widenedElement(row * p.d + i % p.d, row);')),
});

const GATHER_COMPRESSED = perStorage(gatherCompressed);

const SORT_LANES = 128;
/** Bits of an id that one round sorts by. */
const DIGIT_BITS = 4;
const DIGITS = 2 ** DIGIT_BITS;

/**
 * Sorts places by id, places of one id in their own order; ids outside the table come last. One workgroup runs
 * rounds of a stable counting sort, from the lowest digit on; each lane takes a stretch of places.
 * `order` has two halves; the result is in half `rounds % 2`.
 */
const SORT_PLACES: Program = {
  name: 'sortPlaces',
  reads: { ids: 'i32' },
  writes: { order: 'i32' },
  params: { places: 'i32', vocabSize: 'i32', rounds: 'i32' },
  lanes: SORT_LANES,
  declarations: `${prefixSum(SORT_LANES)}
var<workgroup> counts : array<i32, ${SORT_LANES * DIGITS}>;
fn counterOf(lane : i32, place : i32, round : i32) -> i32 {
  let id = ids[place];
  let key = select(id, p.vocabSize, id < 0 || id >= p.vocabSize);
  return ((key >> u32(${DIGIT_BITS} * round)) & ${DIGITS - 1}) * ${SORT_LANES} + lane;
}`,
  body: `
  let stretch = (p.places + ${SORT_LANES - 1}) / ${SORT_LANES};
  let first = lane * stretch;
  let end = min(first + stretch, p.places);
  for (var i = first; i < end; i++) { order[i] = i; }
  for (var round = 0; round < p.rounds; round++) {
    let source = (round % 2) * p.places;
    let target0 = p.places - source;
    for (var digit = 0; digit < ${DIGITS}; digit++) { counts[digit * ${SORT_LANES} + lane] = 0; }
    storageBarrier();
    workgroupBarrier();
    for (var i = first; i < end; i++) { counts[counterOf(lane, order[source + i], round)] += 1; }
    workgroupBarrier();
    var sum = 0;
    for (var i = lane * ${DIGITS}; i < (lane + 1) * ${DIGITS}; i++) { sum += counts[i]; }
    var next = before(lane, sum);
    for (var i = lane * ${DIGITS}; i < (lane + 1) * ${DIGITS}; i++) {
      let count = counts[i];
      counts[i] = next;
      next += count;
    }
    workgroupBarrier();
    for (var i = first; i < end; i++) {
      let place = order[source + i];
      let counter = counterOf(lane, place, round);
      order[target0 + counts[counter]] = place;
      counts[counter] += 1;
    }
  }`,
};

/** The workgroup of an id's first sorted place adds up the rows of all its places, in their order. */
const SCATTER: Program = {
  name: 'scatterRows',
  reads: { ids: 'i32', order: 'i32', dy: 'f32' },
  writes: { dtable: 'f32' },
  params: { places: 'i32', from0: 'i32', d: 'i32', at: 'i32', firstRow: 'i32', rows: 'i32' },
  lanes: ROW_LANES,
  body: `
  let id = ids[order[p.from0 + group]];
  let row = id - p.firstRow;
  if (row < 0 || row >= p.rows) { return; }
  if (group > 0 && ids[order[p.from0 + group - 1]] == id) { return; }
  for (var j = lane; j < p.d; j += ${ROW_LANES}) {
    var sum = dy[order[p.from0 + group] * p.d + j];
    for (var i = group + 1; i < p.places; i++) {
      let place = order[p.from0 + i];
      if (ids[place] != id) { break; }
      sum += dy[place * p.d + j];
    }
    dtable[p.at + row * p.d + j] = sum;
  }`,
};

/** The same for only places firstPlace … endPlace − 1; their sums continue those of the places before. */
const SCATTER_PART: Program = {
  ...SCATTER,
  name: 'scatterRows of part',
  params: { ...SCATTER.params, firstPlace: 'i32', endPlace: 'i32' },
  body: `
  let first = order[p.from0 + group];
  let id = ids[first];
  let row = id - p.firstRow;
  if (row < 0 || row >= p.rows || first < p.firstPlace || first >= p.endPlace) { return; }
  var hasBefore = false;
  if (group > 0) {
    let last = order[p.from0 + group - 1];
    hasBefore = ids[last] == id;
    if (hasBefore && last >= p.firstPlace) { return; }
  }
  for (var j = lane; j < p.d; j += ${ROW_LANES}) {
    let to = p.at + row * p.d + j;
    var sum = dy[(first - p.firstPlace) * p.d + j];
    if (hasBefore) { sum = dtable[to] + sum; }
    for (var i = group + 1; i < p.places; i++) {
      let place = order[p.from0 + i];
      if (ids[place] != id || place >= p.endPlace) { break; }
      sum += dy[(place - p.firstPlace) * p.d + j];
    }
    dtable[to] = sum;
  }`,
};

/** Rows that a binding holds, and where they begin in it. */
interface TablePart extends Range {
  readonly tensors: Readonly<Record<'table', TensorPart> & Partial<Record<'scales', TensorPart>>>;
  readonly at: number;
}

function tableParts({ limits }: MoectWebgpuBackend, table: TensorInfo): TablePart[] {
  const [rows, d] = table.shape as [number, number];
  return ranges(rows, (bindable(limits) - ALIGNMENT) / Math.max(1, d)).map((range) => {
    const { part, offset } = partWith(table, range.first * d, range.count * d);
    return { ...range, tensors: { table: part }, at: offset };
  });
}

function frozenParts({ limits }: MoectWebgpuBackend, matrix: FrozenMatrix): TablePart[] {
  const most = bindable(limits) / Math.max(1, wordsOfRow(matrix));
  return frozenRanges(matrix.rows, most).map((range) => {
    const { codes, scales } = partsOf({ matrix, ...range });
    return { ...range, tensors: { table: codes, scales }, at: 0 };
  });
}

/** Writes the row of each id to `y`, one after another. @param table [rows, d], in any storage */
export function gatherRows(
  backend: MoectWebgpuBackend,
  table: TensorInfo,
  ids: TensorInfo,
  y: TensorInfo,
): void {
  const d = lastSize(table);
  const frozen = backend.frozen.of(table);
  const program = frozen === undefined ? GATHER : GATHER_COMPRESSED[frozen.storage];
  const parts = frozen === undefined ? tableParts(backend, table) : frozenParts(backend, frozen);
  for (const { tensors, at, first, count } of parts) {
    const params = { d, at, firstRow: first, rows: count, vocabSize: table.shape[0]! };
    runRows(backend, {
      program,
      rows: sizeOf(ids.shape),
      tensors: { ids, y },
      shared: tensors,
      groups: (rows) => flatGroups(rows * d),
      params: (rows) => ({ ...params, size: rows * d }),
    });
  }
}

function embedding({ backend, inputs: { table, ids } }: WebgpuCall<typeof Embedding>): TensorInfo {
  const y = output(backend, [...ids.shape, lastSize(table)]);
  gatherRows(backend, table, ids, y);
  return y;
}

function embeddingGrad({
  backend,
  inputs,
  dims,
  rows: places,
}: WebgpuCall<typeof EmbeddingGrad>): TensorInfo {
  const { ids, dy } = inputs;
  const { vocabSize, d } = dims;
  const dtable = output(backend, [vocabSize, d]);
  runFlat(backend, ZEROS, vocabSize * d, { y: dtable });
  if (d === 0 || places === 0) return dtable;
  // vocabSize + 1 keys, because all ids outside the table have the key vocabSize
  const rounds = Math.ceil(Math.log2(vocabSize + 1) / DIGIT_BITS);
  const sort = (order: TensorInfo): void => {
    runProgram(backend, SORT_PLACES, 1, { ids, order }, { places, vocabSize, rounds });
    for (const { tensors, at, first, count } of tableParts(backend, dtable)) {
      const params = { places, from0: (rounds % 2) * places, d, at, firstRow: first, rows: count };
      const isWhole = fits(backend.limits, dy);
      runRows(backend, {
        program: isWhole ? SCATTER : SCATTER_PART,
        rows: places,
        tensors: { dy },
        shared: { ids, order, dtable: tensors.table },
        groups: () => places,
        params: (size, firstPlace) => ({ ...params, firstPlace, endPlace: firstPlace + size }),
      });
    }
  };
  withScratch(backend, 2 * places, sort, 'int32');
  return dtable;
}

/** Rows of a table, and the gradient that adds up the rows of repeated ids in their order. */
export function registerEmbedding(): void {
  implement(Embedding, embedding);
  implement(EmbeddingGrad, embeddingGrad);
}
