import { CorruptDataError } from '@moect/core';
import {
  Z_BUF_ERROR,
  Z_NO_FLUSH,
  Z_OK,
  Z_STREAM_END,
  ZStream,
  zlibInflate,
  zlibInflateInit2,
  zlibInflateReset,
} from 'pako';

/** zlib: a window of 2^15 bytes, and gzip's header and checksum around the data (16). */
const WINDOW_BITS = 15 + 16;
const OUTPUT_BYTES = 1 << 16;

/** Whether bytes begin a member of gzip (RFC 1952). */
export const isGzip = (head: Uint8Array): boolean => head[0] === 0x1f && head[1] === 0x8b;

const damaged = (source: string, reason: string): CorruptDataError =>
  new CorruptDataError(
    source,
    `the gzip data is damaged or ends too early (${reason})`,
    'Fetch the file again; `gzip -t` tells whether it is whole.',
  );

/**
 * Unpacks gzip of one or more members, as `cat a.gz b.gz`, bgzip and pigz write them; zeros behind the last one are
 * padding. The platforms' own DecompressionStream is not used: most refuse a second member.
 * Throws CorruptDataError for truncated data, wrong checksums, and what is no gzip behind a member.
 */
export async function* gunzip(chunks: AsyncIterable<Uint8Array>, source: string): AsyncGenerator<Uint8Array> {
  const stream = new ZStream();
  zlibInflateInit2(stream, WINDOW_BITS);
  let isBetween = true;
  let isPadding = false;
  for await (const chunk of chunks) {
    stream.input = chunk;
    stream.next_in = 0;
    stream.avail_in = chunk.length;
    // a full output buffer may hide more output of the same input
    for (let isFull = false; stream.avail_in > 0 || isFull; ) {
      if (isBetween) {
        isPadding ||= chunk[stream.next_in] === 0;
        const zeros = isPadding ? countZeros(chunk, stream.next_in) : 0;
        if (isPadding && zeros < stream.avail_in) throw damaged(source, 'other data follows it');
        if (isPadding) break;
        zlibInflateReset(stream);
        isBetween = false;
      }
      const output = new Uint8Array(OUTPUT_BYTES);
      stream.output = output;
      stream.next_out = 0;
      stream.avail_out = OUTPUT_BYTES;
      const status = zlibInflate(stream, Z_NO_FLUSH);
      if (status !== Z_OK && status !== Z_STREAM_END && status !== Z_BUF_ERROR) {
        throw damaged(source, stream.msg || 'it cannot be unpacked');
      }
      if (stream.next_out > 0) yield output.subarray(0, stream.next_out);
      isBetween = status === Z_STREAM_END;
      isFull = stream.avail_out === 0 && !isBetween;
    }
  }
  if (!isBetween) throw damaged(source, 'its end is missing');
}

function countZeros(bytes: Uint8Array, from: number): number {
  let to = from;
  while (to < bytes.length && bytes[to] === 0) to++;
  return to - from;
}
