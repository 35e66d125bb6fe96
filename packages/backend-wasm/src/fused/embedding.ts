import { Embedding, EmbeddingGrad } from '@moect/kernels';
import type { TensorInfo } from '@tensorflow/tfjs-core';
import { OP } from '../generated/wasm-ops.ts';
import { implement, type WasmCall } from '../kernel.ts';
import { checkRange, sortKeys, withTemporary } from './scratch.ts';

function embedding({ backend, inputs, dims, rows: n }: WasmCall<typeof Embedding>): TensorInfo {
  const { table, ids } = inputs;
  const { tableRows, d } = dims;
  const at = backend.pointer(ids);
  checkRange(backend, `${Embedding.name}: ids`, ids, 0, tableRows);
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

function embeddingGrad({ backend, inputs, dims, rows: n }: WasmCall<typeof EmbeddingGrad>): TensorInfo {
  const { runtime } = backend;
  const { ids, dy } = inputs;
  const { vocabSize, d } = dims;
  const at = backend.pointer(ids);
  checkRange(backend, `${EmbeddingGrad.name}: ids`, ids, 0, vocabSize);
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
  implement(Embedding, embedding);
  implement(EmbeddingGrad, embeddingGrad);
}
