import { sizeOf } from '@moect/kernels';
import type { TensorInfo } from '@tensorflow/tfjs-core';
import type { DeviceLimits } from './device-limits.ts';

/** Elements first … first + size − 1 of a tensor, which shaders see as a buffer of its own. */
export interface TensorPart {
  readonly whole: TensorInfo;
  readonly first: number;
  readonly size: number;
}

export type Operand = TensorInfo | TensorPart;

/** Parts begin at multiples of this many elements: WebGPU binds from multiples of 256 bytes. */
export const ALIGNMENT = 64;
const FLOAT = 4;

export const isPart = (operand: Operand): operand is TensorPart => 'whole' in operand;

export const elementsOf = (operand: Operand): number =>
  isPart(operand) ? operand.size : sizeOf(operand.shape);

/** Most elements of a binding. */
export const bindable = ({ bindingBytes }: DeviceLimits): number => Math.floor(bindingBytes / FLOAT);

export const fits = (limits: DeviceLimits, operand: Operand): boolean =>
  elementsOf(operand) <= bindable(limits);

/** The smallest aligned part with these elements, and their offset in it. */
export function partWith(operand: Operand, at: number, size: number): { part: TensorPart; offset: number } {
  const offset = at % ALIGNMENT;
  const whole = isPart(operand) ? operand.whole : operand;
  const before = isPart(operand) ? operand.first : 0;
  return { part: { whole, first: before + at - offset, size: offset + size }, offset };
}

/** A range of rows or elements. */
export interface Range {
  readonly first: number;
  readonly count: number;
}

/**
 * Ranges of at most `most`, each beginning at a multiple of `multiple` if `most` allows that; at least one range,
 * even of nothing.
 */
export function ranges(total: number, most: number, multiple: number = ALIGNMENT): Range[] {
  const whole = Math.floor(most / multiple) * multiple;
  const step = Math.max(1, whole === 0 ? Math.floor(most) : whole);
  const count = Math.max(1, Math.ceil(total / step));
  return Array.from({ length: count }, (_, i) => ({
    first: i * step,
    count: Math.min(step, total - i * step),
  }));
}
