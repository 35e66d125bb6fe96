import type { MoectWebgpuBackend } from '../backend.ts';
import type { Program } from '../program.ts';
import { flatGroups } from './snippets.ts';

/** Tensors that a dispatch can bind, besides its result and one more. */
export function bindableTensors(backend: MoectWebgpuBackend): number {
  return Math.max(4, backend.device.limits.maxStorageBuffersPerShaderStage - 2);
}

export function chunksOf<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, i) =>
    items.slice(i * size, (i + 1) * size),
  );
}

export const numbered = <T>(
  count: number,
  entry: (i: number) => readonly (readonly [string, T])[],
): Record<string, T> => Object.fromEntries(Array.from({ length: count }, (_, i) => entry(i)).flat());

/** Runs `statements(i)` for the workgroups of tensor i, which begin at p.group<i>; `part` counts them. */
export const byTensor = (count: number, statements: (i: number) => string): string =>
  Array.from({ length: count }, (_, i) => i)
    .reverse()
    .map((i) => `if (group >= p.group${i}) { let part = group - p.group${i}; ${statements(i)} }`)
    .join(' else ');

const programs = new Map<string, Program>();

/** Caches a program by its name, which includes its number of tensors. */
export function cached(name: string, make: () => Omit<Program, 'name'>): Program {
  const program = programs.get(name) ?? { name, ...make() };
  programs.set(name, program);
  return program;
}

/** Size and first workgroup of each tensor or part of one, and the number of workgroups in all. */
export function layOut(sizes: readonly number[]): { params: Record<string, number>; groups: number } {
  let groups = 0;
  const params: Record<string, number> = {};
  for (const [i, size] of sizes.entries()) {
    params[`size${i}`] = size;
    params[`group${i}`] = groups;
    groups += flatGroups(size);
  }
  return { params, groups };
}
