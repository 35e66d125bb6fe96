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

/** One part with all rows if they fit into bindings, else as few parts as possible. */
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
  // parts of fewer rows than the alignment may begin later than their binding
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

/** Work on independent rows (of matrices, batch elements, or other blocks that lie one after another). */
export interface RowsTask {
  /** The program, or one for the first row of a part. */
  readonly program: Program | ((firstRow: number) => Program);
  readonly rows: number;
  /** Tensors with equally many elements for every row. */
  readonly tensors: Operands;
  /** Operands that every part binds unchanged. */
  readonly shared?: Operands;
  /** Parameters, or those for a part's number of rows and first row. */
  readonly params: Params | ((rows: number, firstRow: number) => Params);
  /** Number of workgroups for a number of rows. Default: one for each row. */
  readonly groups?: (rows: number) => number;
}

/** Runs one dispatch if the tensors fit into bindings, else one for each of {@link rowParts}, in order. */
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
