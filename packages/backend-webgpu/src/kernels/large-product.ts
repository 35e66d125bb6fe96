import type { TensorInfo } from '@tensorflow/tfjs-core';
import type { MoectWebgpuBackend } from '../backend.ts';
import { type FrozenRows, frozenRanges, frozenWords } from '../frozen-rows.ts';
import { type Program, runProgram, withScratch } from '../program.ts';
import { ALIGNMENT, bindable, fits, type Operand, partWith, type Range, ranges } from '../tensor-part.ts';
import { eachElement, FLAT_LANES, flatGroups } from './snippets.ts';

/** One product of the kind that `product` takes: y = a · b, or y += a · b. */
export interface ProductTask {
  readonly a: Operand;
  /** Rows of a frozen matrix are taken from their beginning, and only where a is not transposed. */
  readonly b: Operand | FrozenRows;
  readonly y: Operand;
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly transposeA: boolean;
  readonly transposeB: boolean;
  /** Elements to skip at the start of each operand. */
  readonly aOffset: number;
  readonly bOffset: number;
  readonly yOffset: number;
  readonly accumulate: boolean;
}

type Run = (task: ProductTask) => void;

/** Copies columns between a matrix and a dense matrix of their own; `add` adds them. */
const copyColumns = (add: boolean): Program => ({
  name: `copyColumns${add ? '+' : ''}`,
  reads: { x: 'f32' },
  writes: { y: 'f32' },
  params: { size: 'i32', columns: 'i32', xAt: 'i32', xStride: 'i32', yAt: 'i32', yStride: 'i32' },
  lanes: FLAT_LANES,
  body: eachElement(
    'p.size',
    `let row = i / p.columns;
     let column = i % p.columns;
     y[p.yAt + row * p.yStride + column] ${add ? '+=' : '='} x[p.xAt + row * p.xStride + column];`,
  ),
});
const COPY = copyColumns(false);
const ADD = copyColumns(true);

/** Columns of a dense matrix of `stride` columns, from element `at` on. */
export interface Columns {
  readonly matrix: Operand;
  readonly at: number;
  readonly stride: number;
}

/** Copies or adds columns, in as many dispatches as the operands need bindings. */
function copy(
  backend: MoectWebgpuBackend,
  program: Program,
  x: Columns,
  y: Columns,
  [rows, columns]: readonly [number, number],
): void {
  const most = bindable(backend.limits) - ALIGNMENT;
  for (const { first, count } of ranges(rows, most / Math.max(x.stride, y.stride))) {
    const [from, to] = [x, y].map(({ matrix, at, stride }) =>
      partWith(matrix, at + first * stride, (count - 1) * stride + columns),
    );
    const size = count * columns;
    const places = { xAt: from!.offset, xStride: x.stride, yAt: to!.offset, yStride: y.stride };
    const operands = { x: from!.part, y: to!.part };
    runProgram(backend, program, flatGroups(size), operands, { size, columns, ...places });
  }
}

/** Copies columns of one matrix to another, in as many dispatches as they need bindings. */
export function copyMatrix(
  backend: MoectWebgpuBackend,
  x: Columns,
  y: Columns,
  sizes: readonly [rows: number, columns: number],
): void {
  copy(backend, COPY, x, y, sizes);
}

/** Runs `use` with a dense copy of columns `x`. */
function withColumns(
  backend: MoectWebgpuBackend,
  x: Columns,
  [rows, columns]: readonly [number, number],
  use: (scratch: TensorInfo) => void,
): void {
  withScratch(backend, rows * columns, (scratch) => {
    copyMatrix(backend, x, { matrix: scratch, at: 0, stride: columns }, [rows, columns]);
    use(scratch);
  });
}

/** Splits by rows of a and y; if a is stored transposed, these are its columns. */
function splitM(backend: MoectWebgpuBackend, task: ProductTask, most: number, run: Run): void {
  const { a, m, n, k, transposeA, aOffset, yOffset } = task;
  for (const { first, count } of ranges(m, most / Math.max(n, k))) {
    const part = { ...task, m: count, yOffset: yOffset + first * n };
    if (!transposeA) run({ ...part, aOffset: aOffset + first * k });
    else {
      const columns = { matrix: a, at: aOffset + first, stride: m };
      withColumns(backend, columns, [k, count], (scratch) => run({ ...part, a: scratch, aOffset: 0 }));
    }
  }
}

const isFrozen = (b: ProductTask['b']): b is FrozenRows => 'matrix' in b;

/** Stored rows of b, `width` values each. */
function rowsOfB(
  { b, bOffset }: ProductTask,
  { first, count }: Range,
  width: number,
): Pick<ProductTask, 'b' | 'bOffset'> {
  if (isFrozen(b)) return { b: { ...b, first: b.first + first, count }, bOffset };
  return { b, bOffset: bOffset + first * width };
}

const rangesOfB = ({ b }: ProductTask, rows: number, most: number): Range[] =>
  (isFrozen(b) ? frozenRanges : ranges)(rows, most);

/** Splits by columns of y, which are rows of b, stored transposed. */
function splitN(backend: MoectWebgpuBackend, task: ProductTask, most: number, run: Run): void {
  const { y, m, n, k, yOffset, accumulate } = task;
  for (const { first, count } of rangesOfB(task, n, most / Math.max(m, k))) {
    withScratch(backend, m * count, (scratch) => {
      const part = { ...task, n: count, y: scratch, yOffset: 0, accumulate: false };
      run({ ...part, ...rowsOfB(task, { first, count }, k) });
      const result = { matrix: scratch, at: 0, stride: count };
      const columns = { matrix: y, at: yOffset + first, stride: n };
      copy(backend, accumulate ? ADD : COPY, result, columns, [m, count]);
    });
  }
}

/** Splits by terms of the sums: rows of a matrix, or columns where it is stored the other way. */
function splitK(backend: MoectWebgpuBackend, task: ProductTask, most: number, run: Run): void {
  const { a, b, m, n, k, transposeA, transposeB, aOffset, bOffset, accumulate } = task;
  for (const { first, count } of rangesOfB(task, k, most / Math.max(m, n))) {
    const part = { ...task, k: count, accumulate: accumulate || first > 0 };
    const withB = (given: ProductTask): void => {
      if (!transposeB || isFrozen(b)) run({ ...given, ...rowsOfB(task, { first, count }, n) });
      else {
        const columns = { matrix: b, at: bOffset + first, stride: k };
        withColumns(backend, columns, [n, count], (scratch) => run({ ...given, b: scratch, bOffset: 0 }));
      }
    };
    if (transposeA) withB({ ...part, aOffset: aOffset + first * m });
    else {
      const columns = { matrix: a, at: aOffset + first, stride: k };
      withColumns(backend, columns, [m, count], (scratch) => withB({ ...part, a: scratch, aOffset: 0 }));
    }
  }
}

/** The task with its operands narrowed to the elements that it reads and writes. */
function narrowed(task: ProductTask): ProductTask {
  const { m, n, k } = task;
  const a = partWith(task.a, task.aOffset, m * k);
  const y = partWith(task.y, task.yOffset, m * n);
  const part = { ...task, a: a.part, aOffset: a.offset, y: y.part, yOffset: y.offset };
  if (isFrozen(task.b)) return part;
  const b = partWith(task.b, task.bOffset, k * n);
  return { ...part, b: b.part, bOffset: b.offset };
}

/** Splits by the dimension along which the operand that is too large is contiguous. */
function splitOf({ b, m, n, k, transposeA, transposeB }: ProductTask, most: number): typeof splitM {
  if (m * k > most) return transposeA ? splitK : splitM;
  const elementsOfB = isFrozen(b) ? frozenWords(b) : n * k;
  if (elementsOfB > most) return transposeB ? splitN : splitK;
  return splitM;
}

/**
 * Computes a product whose operands may be larger than a binding as products of parts. Split sums add up their
 * parts in the order of the terms.
 * @param run takes each product whose operands fit, and those that cannot be split further
 */
export function largeProduct(backend: MoectWebgpuBackend, task: ProductTask, run: Run): void {
  const { limits } = backend;
  const { m, n, k } = task;
  const small = narrowed(task);
  const fitsB = isFrozen(small.b) ? frozenWords(small.b) <= bindable(limits) : fits(limits, small.b);
  if (fitsB && fits(limits, small.a) && fits(limits, small.y)) {
    run(small);
    return;
  }
  // a part may begin later than its binding
  const most = bindable(limits) - ALIGNMENT;
  splitOf(task, most)(backend, task, most, (part) => {
    const isSame = part.m === m && part.n === n && part.k === k;
    if (isSame) run(narrowed(part));
    else largeProduct(backend, part, run);
  });
}
