import type { MoectWebgpuBackend } from '../backend.ts';
import { type Program, runProgram } from '../program.ts';
import { shiftedProgram, shiftParams } from '../shifted-program.ts';
import {
  ALIGNMENT,
  bindable,
  elementsOf,
  fits,
  type Operand,
  partWith,
  type Range,
  ranges,
} from '../tensor-part.ts';

export type Operands = Readonly<Record<string, Operand>>;

type Params = Readonly<Record<string, number>>;

/** The same rows of several tensors. */
export interface RowsPart extends Range {
  readonly operands: Operands;
  /** Elements of each operand that come before its rows. */
  readonly shifts: Readonly<Record<string, number>>;
}

/** One part with all rows where bindings hold them, and else as few parts as they allow. */
export function rowParts({ limits }: MoectWebgpuBackend, rows: number, tensors: Operands): RowsPart[] {
  const all = Object.entries(tensors);
  if (all.every(([, tensor]) => fits(limits, tensor))) {
    return [
      {
        first: 0,
        count: rows,
        operands: tensors,
        shifts: Object.fromEntries(all.map(([name]) => [name, 0])),
      },
    ];
  }
  const widths = all.map(([, tensor]) => elementsOf(tensor) / rows);
  const widest = Math.max(...widths);
  // fewer rows than begin at a multiple of the alignment may begin after their binding does
  const most = bindable(limits) / widest;
  return ranges(rows, most < ALIGNMENT ? (bindable(limits) - ALIGNMENT) / widest : most).map(
    ({ first, count }) => {
      const parts = all.map(([name, tensor], i) => {
        const { part, offset } = partWith(tensor, first * widths[i]!, count * widths[i]!);
        return { name, part, offset };
      });
      return {
        first,
        count,
        operands: Object.fromEntries(parts.map(({ name, part }) => [name, part])),
        shifts: Object.fromEntries(parts.map(({ name, offset }) => [name, offset])),
      };
    },
  );
}

/** Work on rows (of matrices, or batch elements, or what else lies one after another) that do not depend on each other. */
export interface RowsTask {
  /** Where it differs: by the first row of a part. */
  readonly program: Program | ((firstRow: number) => Program);
  readonly rows: number;
  /** Equally many elements of each for every row. */
  readonly tensors: Operands;
  /** Bound as they are. */
  readonly shared?: Operands;
  /** Where they differ: by the number of rows. */
  readonly params: Params | ((rows: number, firstRow: number) => Params);
  /** Workgroups for so many rows. Default: one for each. */
  readonly groups?: (rows: number) => number;
}

/** One dispatch where bindings hold the tensors; else one for each of their {@link rowParts}, in their order. */
export function runRows(backend: MoectWebgpuBackend, task: RowsTask): void {
  const { program: given, rows, tensors, shared = {}, params: paramsOf, groups = (count) => count } = task;
  const names = Object.keys(tensors);
  for (const { first, count, operands, shifts } of rowParts(backend, rows, tensors)) {
    const program = typeof given === 'function' ? given(first) : given;
    const isShifted = names.some((name) => shifts[name] !== 0);
    const own = typeof paramsOf === 'function' ? paramsOf(count, first) : paramsOf;
    const params = { ...own, ...(isShifted && shiftParams(program, shifts)) };
    const placed = isShifted ? shiftedProgram(program, names) : program;
    runProgram(backend, placed, groups(count), { ...operands, ...shared }, params);
  }
}
