import type { Program } from '../program.ts';
import { REDUCTIONS, ROW_LANES } from './snippets.ts';

const SUBGROUP_LANES = 8;

/** {@link REDUCTIONS} by subgroup functions, without workgroup memory. */
const SUBGROUP_REDUCTIONS = `
fn total(_lane : i32, value : f32) -> f32 { return subgroupAdd(value); }
fn largest(_lane : i32, value : f32) -> f32 { return subgroupMax(value); }`;

/**
 * A program whose workgroups take a row each: `LANES` invocations, with `total` and `largest` over them. Where
 * subgroups are cheap it uses one: a barrier costs a software adapter more than many elements do.
 */
export function rowProgram(program: Omit<Program, 'lanes' | 'isSubgroup' | 'onSubgroup'>): Program {
  const { name, declarations = '' } = program;
  const withLanes = (lanes: number, reductions: string): Pick<Program, 'lanes' | 'declarations'> => ({
    lanes,
    declarations: `const LANES = ${lanes};${reductions}${declarations}`,
  });
  return {
    ...program,
    ...withLanes(ROW_LANES, REDUCTIONS),
    onSubgroup: {
      ...program,
      ...withLanes(SUBGROUP_LANES, SUBGROUP_REDUCTIONS),
      name: `${name} subgroup`,
      isSubgroup: true,
    },
  };
}
