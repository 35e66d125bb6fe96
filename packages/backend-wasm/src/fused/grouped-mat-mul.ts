import { ShapeMismatchError } from '@moect/core';
import { GroupedMatMul, GroupedMatMulGradWeight } from '@moect/kernels';
import type { TensorInfo } from '@tensorflow/tfjs-core';
import type { MoectWasmBackend } from '../backend.ts';
import { OP } from '../generated/wasm-ops.ts';
import { implement, type WasmCall } from '../kernel.ts';
import { withTemporary } from './scratch.ts';

/** Rows of one unit, as in assembly/fused/grouped.ts: few, so that uneven experts divide well among threads. */
const ROWS = 24;
/** Below this many rows weights are read in place, not packed. */
const FEW_ROWS = 8;
/** From this many on, whole experts divide well among threads, which then share no packed panels. */
const WHOLE_EXPERTS_PER_THREAD = 8;

function roundUp8(n: number): number {
  return Math.ceil(n / 8) * 8;
}

/** @throws ShapeMismatchError unless the offsets rise from 0 to `rows` */
function checkOffsets(
  backend: MoectWasmBackend,
  kernelName: string,
  offsets: TensorInfo,
  rows: number,
): void {
  const { low, high, isRising } = backend.indexFacts(offsets);
  if (isRising && low === 0 && high === rows) return;
  const bounds = backend.values(offsets);
  throw new ShapeMismatchError(
    `${kernelName}: offsets (${Array.from(bounds.subarray(0, 8)).join(', ')}${bounds.length > 8 ? ', …' : ''})`,
    offsets.shape,
    `rising from 0 to ${rows} rows`,
  );
}

function groupedMatMul({ backend, inputs, attrs, dims }: WasmCall<typeof GroupedMatMul>): TensorInfo {
  const { w, x, offsets } = inputs;
  const { transposeW } = attrs;
  const { numExperts: experts, out: outSize, in: inSize, slots: rows, k, n } = dims;
  checkOffsets(backend, GroupedMatMul.name, offsets, rows);
  const y = backend.output([rows, n], 'float32');
  const at = backend.pointer(offsets);
  const { runtime } = backend;
  if (rows < FEW_ROWS || k === 0) {
    const pointers = [backend.pointer(x), backend.pointer(w), y.pointer, at];
    const units = transposeW ? rows : outSize;
    const work = (rows * k * n) / Math.max(1, units);
    const args = [...pointers, experts, inSize, outSize, transposeW ? 1 : 0, rows];
    runtime.dispatch(OP.GROUPED_DIRECT, args, runtime.chunks(units, work));
    return y.info;
  }
  if (experts >= WHOLE_EXPERTS_PER_THREAD * runtime.threads || runtime.threads === 1) {
    const pointers = [backend.pointer(x), backend.pointer(w), y.pointer, at];
    const args = [...pointers, experts, k, n, transposeW ? 0 : 1];
    runtime.dispatch(OP.GROUPED_WHOLE, args, runtime.chunks(experts, (rows / experts) * k * n));
    return y.info;
  }
  withTemporary(backend, 4 * experts * k * roundUp8(n), (packed) => {
    const panels = (experts * roundUp8(n)) / 8;
    const packArgs = [backend.pointer(w), packed, at, experts, k, n, transposeW ? 0 : 1, 0];
    runtime.dispatch(OP.GROUPED_PACK, packArgs, runtime.chunks(panels, k * 8));
    // each expert's last unit may be smaller; only the kernel knows their number
    const units = Math.ceil(rows / ROWS);
    const args = [backend.pointer(x), packed, y.pointer, at, experts, k, n];
    runtime.dispatch(OP.GROUPED_PRODUCT, args, runtime.chunks(units, (rows / units) * k * n));
  });
  return y.info;
}

function groupedGradWeight({ backend, inputs, dims }: WasmCall<typeof GroupedMatMulGradWeight>): TensorInfo {
  const { runtime } = backend;
  const { x, dy, offsets } = inputs;
  const { numExperts: experts, slots: rows, out: m, in: n } = dims;
  checkOffsets(backend, GroupedMatMulGradWeight.name, offsets, rows);
  const dw = backend.output([experts, m, n], 'float32');
  const at = backend.pointer(offsets);
  withTemporary(backend, 4 * rows * roundUp8(n), (packed) => {
    const panels = (experts * roundUp8(n)) / 8;
    const packArgs = [backend.pointer(x), packed, at, experts, 0, n, 0, 1];
    runtime.dispatch(OP.GROUPED_PACK, packArgs, runtime.chunks(panels, (rows / experts) * 8));
    const units = experts * Math.ceil(m / ROWS);
    const args = [backend.pointer(dy), packed, dw.pointer, at, experts, m, n];
    runtime.dispatch(
      OP.GROUPED_GRAD_WEIGHT,
      args,
      runtime.chunks(units, (rows * m * n) / Math.max(1, units)),
    );
  });
  return dw.info;
}

/** One product per expert on rows grouped by expert, and the gradient of the weights. */
export function registerGroupedMatMul(): void {
  implement(GroupedMatMul, groupedMatMul);
  implement(GroupedMatMulGradWeight, groupedGradWeight);
}
