import { runFused } from './fused/run';
import { batchProductChunk, packBChunk, productChunk } from './product';
import { fillWordsChunk } from './fill';
import * as op from './ops';

/** One chunk of operation `id`; arguments lie in the argument block. */
export function runChunk(id: i32, chunk: i32, chunks: i32): void {
  if (id >= 128) {
    runFused(id, chunk, chunks);
    return;
  }
  switch (id) {
    case op.FILL_WORDS:
      fillWordsChunk(chunk, chunks);
      break;
    case op.PACK_B:
      packBChunk(chunk, chunks);
      break;
    case op.PRODUCT:
      productChunk(chunk, chunks);
      break;
    case op.BATCH_PRODUCT:
      batchProductChunk(chunk, chunks);
      break;
    default:
      unreachable();
  }
}
