import { Compressed, type CompressedStorage, widenValues } from '@moect/kernels';
import type { TensorInfo } from '@tensorflow/tfjs-core';
import type { MoectWebgpuBackend } from '../backend.ts';
import type { FrozenMatrix } from '../frozen-matrices.ts';
import { frozenRanges, partsOf } from '../frozen-rows.ts';
import { implement } from '../kernel.ts';
import { type Program, recordProgram } from '../program.ts';
import { bindable } from '../tensor-part.ts';
import { eachElement, FLAT_LANES, flatGroups } from './snippets.ts';

/** Buffers of a compressed matrix besides its codes. */
export const SCALES: Readonly<Record<CompressedStorage, Program['reads']>> = {
  bfloat16: {},
  int8: { scales: 'f32' },
};

/**
 * WGSL: `widenedElement(at, row)` and `widenedQuad(at, row)`, the float32 values of element `at`, or of four from `at`
 * (a multiple of four), in the stored row `row`. Bit for bit what `widenValues` gives.
 * @param codes name of the buffer of codes, of type i32
 */
export const WIDENING: Readonly<Record<CompressedStorage, (codes: string) => string>> = {
  bfloat16: (codes) => `
fn widenedElement(at : i32, row : i32) -> f32 {
  let word = ${codes}[at / 2];
  return bitcast<f32>(select(word << 16u, word & -65536, (at & 1) == 1));
}
fn widenedQuad(at : i32, row : i32) -> vec4<f32> {
  let low = ${codes}[at / 2];
  let high = ${codes}[at / 2 + 1];
  return bitcast<vec4<f32>>(vec4<i32>(low << 16u, low & -65536, high << 16u, high & -65536));
}`,
  int8: (codes) => `
fn widenedElement(at : i32, row : i32) -> f32 {
  return f32(extractBits(${codes}[at / 4], u32(at & 3) * 8u, 8u)) * scales[row];
}
fn widenedQuad(at : i32, row : i32) -> vec4<f32> {
  let word = ${codes}[at / 4];
  return vec4<f32>(vec4<i32>(word << 24u, word << 16u, word << 8u, word) >> vec4<u32>(24u)) * scales[row];
}`,
};

const widenProgram = (storage: CompressedStorage): Program => ({
  name: `widen ${storage}`,
  reads: { codes: 'i32', ...SCALES[storage] },
  writes: { y: 'f32' },
  params: { size: 'i32', columns: 'i32' },
  lanes: FLAT_LANES,
  declarations: WIDENING[storage]('codes'),
  body: eachElement('p.size', 'y[i] = widenedElement(i, i / p.columns);'),
});

const WIDEN: Readonly<Record<CompressedStorage, Program>> = {
  bfloat16: widenProgram('bfloat16'),
  int8: widenProgram('int8'),
};

/** Writes the values as float32 to `y`; see `Widen`. */
export function widenInto(backend: MoectWebgpuBackend, matrix: FrozenMatrix, y: TensorInfo): void {
  const { rows, columns, storage } = matrix;
  for (const { first, count } of frozenRanges(rows, bindable(backend.limits) / Math.max(1, columns))) {
    const { codes, scales } = partsOf({ matrix, first, count });
    const size = count * columns;
    const part = { whole: y, first: first * columns, size };
    recordProgram(backend, WIDEN[storage], flatGroups(size), { codes, scales, y: part }, { size, columns });
  }
}

/** A tensor with compressed values. */
export function registerCompressed(): void {
  implement(Compressed, ({ attrs: { shape, values }, backend }) =>
    'scales' in values
      ? backend.frozen.add([...shape], values)
      : backend.makeTensorInfo([...shape], 'float32', widenValues(values)),
  );
}
