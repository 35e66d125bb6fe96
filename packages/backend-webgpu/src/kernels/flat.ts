import type { TensorInfo } from '@tensorflow/tfjs-core';
import type { MoectWebgpuBackend } from '../backend.ts';
import { type Program, runProgram } from '../program.ts';
import { bindable, partWith, type Range, ranges, type TensorPart } from '../tensor-part.ts';
import { FLAT_ELEMENTS, flatGroups } from './snippets.ts';

/** Ranges of elements that fit into bindings; each workgroup sums the same elements as without ranges. */
export function flatRanges({ limits }: MoectWebgpuBackend, size: number): Range[] {
  return ranges(size, bindable(limits), FLAT_ELEMENTS);
}

export const flatPart = (tensor: TensorInfo, { first, count }: Range): TensorPart =>
  partWith(tensor, first, count).part;

/**
 * Runs a program over the elements of tensors of one size (its parameter `size`), in as many dispatches as
 * large tensors need.
 * @param shared tensors that are read as a whole
 */
export function runFlat(
  backend: MoectWebgpuBackend,
  program: Program,
  size: number,
  tensors: Readonly<Record<string, TensorInfo>>,
  shared: Readonly<Record<string, TensorInfo>> = {},
): void {
  for (const range of flatRanges(backend, size)) {
    const parts = Object.entries(tensors).map(([name, tensor]) => [name, flatPart(tensor, range)] as const);
    const operands = { ...Object.fromEntries(parts), ...shared };
    runProgram(backend, program, flatGroups(range.count), operands, { size: range.count });
  }
}
