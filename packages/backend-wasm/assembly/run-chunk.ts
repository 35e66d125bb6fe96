import { binaryChunk } from './binary';
import { gatherCompressedChunk, packCompressedChunk, widenChunk } from './compressed';
import { directCompressedChunk } from './direct-compressed';
import { directProductChunk } from './direct-product';
import { fillWordsChunk } from './fill';
import { runFused } from './fused/run';
import { copyChunk, gatherChunk, oneHotChunk, segmentSumChunk, transposeChunk } from './movement';
import * as op from './ops';
import { batchProductChunk, packBChunk, productChunk } from './product';
import { reduceColumnsChunk, reduceRowsChunk } from './reduce';
import { argMaxChunk, cumsumChunk, softmaxChunk, topKChunk } from './rows';
import { castChunk, logicalChunk, selectChunk } from './select';
import { testChunk, unaryChunk } from './unary';

/** One chunk of operation `id`; arguments lie in the argument block. */
export function runChunk(id: i32, chunk: i32, chunks: i32): void {
  if (id >= 128) return runFused(id, chunk, chunks);
  switch (id) {
    case op.FILL_WORDS:
      return fillWordsChunk(chunk, chunks);
    case op.PACK_B:
      return packBChunk(chunk, chunks);
    case op.PRODUCT:
      return productChunk(chunk, chunks);
    case op.BATCH_PRODUCT:
      return batchProductChunk(chunk, chunks);
    case op.DIRECT_PRODUCT:
      return directProductChunk(chunk, chunks);
    case op.PACK_COMPRESSED:
      return packCompressedChunk(chunk, chunks);
    case op.DIRECT_COMPRESSED:
      return directCompressedChunk(chunk, chunks);
    case op.WIDEN:
      return widenChunk(chunk, chunks);
    case op.GATHER_COMPRESSED:
      return gatherCompressedChunk(chunk, chunks);
    case op.UNARY:
      return unaryChunk(chunk, chunks);
    case op.TEST:
      return testChunk(chunk, chunks);
    case op.BINARY:
      return binaryChunk(0, chunk, chunks);
    case op.BINARY_INT:
      return binaryChunk(1, chunk, chunks);
    case op.COMPARE:
      return binaryChunk(2, chunk, chunks);
    case op.COMPARE_INT:
      return binaryChunk(3, chunk, chunks);
    case op.SELECT:
      return selectChunk(chunk, chunks);
    case op.LOGICAL:
      return logicalChunk(chunk, chunks);
    case op.CAST:
      return castChunk(chunk, chunks);
    case op.COPY:
      return copyChunk(chunk, chunks);
    case op.TRANSPOSE:
      return transposeChunk(chunk, chunks);
    case op.GATHER:
      return gatherChunk(chunk, chunks);
    case op.SEGMENT_SUM:
      return segmentSumChunk(chunk, chunks);
    case op.ONE_HOT:
      return oneHotChunk(chunk, chunks);
    case op.REDUCE_ROWS:
      return reduceRowsChunk(chunk, chunks);
    case op.REDUCE_COLUMNS:
      return reduceColumnsChunk(chunk, chunks);
    case op.ARG_MAX:
      return argMaxChunk(chunk, chunks);
    case op.SOFTMAX:
      return softmaxChunk(chunk, chunks);
    case op.CUMSUM:
      return cumsumChunk(chunk, chunks);
    case op.TOP_K_ROWS:
      return topKChunk(chunk, chunks);
    default:
      unreachable();
  }
}
