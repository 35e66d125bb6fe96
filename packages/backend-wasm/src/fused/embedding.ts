import { inputsOf, lastSize, numberAttr, sizeOf } from '@moect/kernels';
import type { TensorInfo } from '@tensorflow/tfjs-core';
import { OP } from '../generated/wasm-ops.ts';
import { registerWasmKernel, type WasmKernelCall } from '../kernel.ts';
import { checkRange, sortKeys, withTemporary } from './scratch.ts';

function embedding(call: WasmKernelCall): TensorInfo {
  const { backend } = call;
  const take = inputsOf('MoectEmbedding', call);
  const table = take('table', 'float32', ['rows', 'd']);
  const [rows, d] = table.shape as [number, number];
  const ids = take('ids', 'int32', ['…']);
  const n = sizeOf(ids.shape);
  const at = backend.pointer(ids);
  checkRange(backend, 'MoectEmbedding: ids', ids, 0, rows);
  const y = backend.output([...ids.shape, d], 'float32');
  const chunks = backend.runtime.chunks(n, d);
  const compressed = backend.compressedMatrix(table);
  if (compressed === undefined) {
    const args = [n, 1, backend.pointer(table), at, y.pointer, d];
    backend.runtime.dispatch(OP.GATHER_ROWS, args, chunks);
  } else {
    const { codes, scales, kind } = compressed;
    backend.runtime.dispatch(OP.GATHER_COMPRESSED, [codes, scales, kind, at, y.pointer, n, d], chunks);
  }
  return y.info;
}

function embeddingGrad(call: WasmKernelCall): TensorInfo {
  const { backend } = call;
  const { runtime } = backend;
  const take = inputsOf('MoectEmbeddingGrad', call);
  const ids = take('ids', 'int32', ['…']);
  const dy = take('dy', 'float32', [...ids.shape, 'd']);
  const d = lastSize(dy);
  const vocabSize = numberAttr(call, 'vocabSize');
  const n = sizeOf(ids.shape);
  const at = backend.pointer(ids);
  checkRange(backend, 'MoectEmbeddingGrad: ids', ids, 0, vocabSize);
  const out = backend.output([vocabSize, d], 'float32');
  withTemporary(backend, (n + vocabSize + 1) * 4, (order) => {
    const starts = order + n * 4;
    sortKeys(backend, at, n, vocabSize, order, starts);
    const args = [vocabSize, 1, backend.pointer(dy), order, starts, out.pointer, d];
    runtime.dispatch(OP.SCATTER_ROWS, args, runtime.chunks(vocabSize, d));
  });
  return out.info;
}

/** Rows of a table, and the gradient that adds up the rows of repeated ids in their order. */
export function registerEmbedding(): void {
  registerWasmKernel('MoectEmbedding', embedding);
  registerWasmKernel('MoectEmbeddingGrad', embeddingGrad);
}
