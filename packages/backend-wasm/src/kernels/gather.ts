import { backend_util, type TensorInfo, util } from '@tensorflow/tfjs-core';
import type { MoectWasmBackend } from '../backend.ts';
import { OP } from '../generated/wasm-ops.ts';
import { firstOutside } from '../index-facts.ts';
import { cpuKernel, registerWasmKernel } from '../kernel.ts';
import { bytesPerElement, type HeapDType } from '../tensor-data.ts';
import { isHeapDType } from './copy.ts';

function assertInRange(backend: MoectWasmBackend, indices: TensorInfo, size: number): void {
  const { low, high } = backend.indexFacts(indices);
  if (low >= 0 && high < size) return;
  const values = backend.values(indices);
  const at = firstOutside(values, 0, size);
  if (at >= 0) throw new Error(`GatherV2: the index value ${values[at]} is not in [0, ${size - 1}]`);
}

function gather(
  backend: MoectWasmBackend,
  x: TensorInfo,
  indices: TensorInfo,
  axis: number,
  batchDims: number,
): TensorInfo {
  const at = util.parseAxisParam(axis, x.shape)[0]!;
  assertInRange(backend, indices, x.shape[at]!);
  const sizes = backend_util.segment_util.collectGatherOpShapeInfo(
    x as never,
    indices as never,
    at,
    batchDims,
  );
  const out = backend.output(sizes.outputShape, x.dtype as HeapDType);
  if (util.sizeFromShape(sizes.outputShape) === 0) return out.info;
  const count = util.sizeFromShape(indices.shape) / sizes.batchSize;
  const rows = sizes.batchSize * sizes.outerSize * count;
  const rowBytes = sizes.sliceSize * bytesPerElement(x.dtype as HeapDType);
  const pointers = [backend.pointer(x), backend.pointer(indices), out.pointer];
  const args = [...pointers, rows, count, sizes.outerSize, sizes.dimSize, rowBytes];
  backend.runtime.dispatch(OP.GATHER, args, backend.runtime.chunks(rows, 4 + (rowBytes >> 2)));
  return out.info;
}

function segmentSum(
  backend: MoectWasmBackend,
  x: TensorInfo,
  ids: TensorInfo,
  numSegments: number,
): TensorInfo {
  const n = util.sizeFromShape(ids.shape);
  const rest = x.shape.slice(ids.shape.length);
  const inner = util.sizeFromShape(rest);
  const out = backend.output([numSegments, ...rest], 'float32');
  if (numSegments * inner === 0) return out.info;
  const args = [backend.pointer(x), backend.pointer(ids), out.pointer, n, inner, numSegments];
  const work = (n + numSegments) * 16;
  backend.runtime.dispatch(OP.SEGMENT_SUM, args, backend.runtime.chunks((inner + 15) >> 4, work));
  return out.info;
}

export function registerGather(): void {
  const gatherOnCpu = cpuKernel('GatherV2');
  registerWasmKernel('GatherV2', (call) => {
    const x = call.inputs['x']!;
    const indices = call.inputs['indices']!;
    if (!isHeapDType(x.dtype) || indices.dtype !== 'int32') return gatherOnCpu(call);
    const { axis, batchDims } = call.attrs as unknown as { axis: number; batchDims?: number };
    return gather(call.backend, x, indices, axis, batchDims ?? 0);
  });
  const sumOnCpu = cpuKernel('UnsortedSegmentSum');
  registerWasmKernel('UnsortedSegmentSum', (call) => {
    const x = call.inputs['x']!;
    const ids = call.inputs['segmentIds']!;
    if (x.dtype !== 'float32' || ids.dtype !== 'int32') return sumOnCpu(call);
    return segmentSum(call.backend, x, ids, (call.attrs as unknown as { numSegments: number }).numSegments);
  });
}
