import { Compressed, type MatrixStorage } from '@moect/kernels';
import type { TensorInfo } from '@tensorflow/tfjs-core';
import type { MoectWebgpuBackend } from '../backend.ts';
import type { FrozenMatrix } from '../frozen-matrices.ts';
import { frozenRanges, partsOf } from '../frozen-rows.ts';
import { implement } from '../kernel.ts';
import { type Program, recordProgram } from '../program.ts';
import { bindable } from '../tensor-part.ts';
import { eachElement, FLAT_LANES, flatGroups } from './snippets.ts';
import { perStorage, SCALES, WIDENING } from './widening.ts';

const widenProgram = (storage: MatrixStorage): Program => ({
  name: `widen ${storage}`,
  reads: { codes: 'i32', ...SCALES(storage) },
  writes: { y: 'f32' },
  params: { size: 'i32', columns: 'i32' },
  lanes: FLAT_LANES,
  declarations: WIDENING[storage]('codes'),
  body: eachElement('p.size', 'y[i] = widenedElement(i, i / p.columns);'),
});

const WIDEN = perStorage(widenProgram);

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
  implement(Compressed, ({ attrs, backend }) => backend.frozen.add([...attrs.shape], attrs.values));
}
