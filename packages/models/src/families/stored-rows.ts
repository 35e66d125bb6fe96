import type { ParamPath } from '@moect/core';
import type { StoredRows } from '../decoder/model-family.ts';

/** A form of storage: the parts of one parameter. */
type Form = readonly StoredRows[];

/**
 * Linears whose rows lie one after another in one stored linear, such as q, k and v.
 * @param stored module of the stored linear
 * @param parts modules of the linears and their numbers of rows, in the stored order
 * @param inSize width of the input
 * @param groups the order repeats this many times, for instance once a head; default 1
 */
export function fusedLinears(
  stored: string,
  parts: Readonly<Record<string, number>>,
  inSize: number,
  { bias, groups = 1 }: { readonly bias: boolean; readonly groups?: number },
): [ParamPath, Form[]][] {
  const total = Object.values(parts).reduce((sum, rows) => sum + rows, 0);
  const kinds = [['weight', [total, inSize]] as const, ...(bias ? [['bias', [total]] as const] : [])];
  let from = 0;
  return Object.entries(parts).flatMap(([module, rows]) => {
    const count = rows / groups;
    const part = { block: total / groups, from, count };
    from += count;
    return kinds.map(([kind, shape]): [ParamPath, Form[]] => [
      `${module}.${kind}`,
      [[{ name: `${stored}.${kind}`, shape, rows: part }]],
    ]);
  });
}

/** Matrices of a list of experts, stacked. @param name the stored name of an expert's matrix */
export function stackedExperts(
  count: number,
  shape: readonly number[],
  name: (expert: number) => string,
): Form {
  return Array.from({ length: count }, (_, expert) => ({ name: name(expert), shape }));
}
