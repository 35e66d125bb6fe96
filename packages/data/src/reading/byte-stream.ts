import { gunzip, isGzip } from './gunzip.ts';
import type { ReadReport } from './read-report.ts';
import { refuseOtherKinds, SNIFFED_BYTES } from './source-kind.ts';

/** Bytes to read: the stream of a file, of a `Blob` or of a `fetch`, or all of them at once. */
export type ByteInput = AsyncIterable<Uint8Array> | ReadableStream<Uint8Array> | Uint8Array;

async function* chunksOfStream(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  // not every browser's streams are async iterable
  const reader = stream.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}

async function* chunksOf(input: ByteInput): AsyncGenerator<Uint8Array> {
  if (input instanceof Uint8Array) yield input;
  else if ('getReader' in input) yield* chunksOfStream(input);
  else yield* input;
}

async function* prepend(first: Uint8Array, rest: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield first;
    yield* rest;
  } finally {
    // the source is closed too where the consumer stopped at the first chunk
    await rest.return(undefined);
  }
}

/** Joins chunks until there are `least` bytes or the input ends. */
async function readAhead(chunks: AsyncIterator<Uint8Array>, least: number): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  while (length < least) {
    const { done, value } = await chunks.next();
    if (done) break;
    pieces.push(value);
    length += value.length;
  }
  if (pieces.length === 1) return pieces[0]!;
  const head = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    head.set(piece, at);
    at += piece.length;
  }
  return head;
}

/**
 * The bytes of a source, unpacked where they start with gzip's magic number, whatever the name says.
 * Throws CorruptDataError for damaged or truncated gzip, and for what is no UTF-8 text by its first bytes.
 */
export async function* openBytes(input: ByteInput, report: ReadReport): AsyncGenerator<Uint8Array> {
  const chunks = chunksOf(input);
  try {
    const head = await readAhead(chunks, 2);
    report.gzip = isGzip(head);
    const whole = prepend(head, chunks);
    const bytes = report.gzip ? gunzip(whole, report.source) : whole;
    const text = await readAhead(bytes, SNIFFED_BYTES);
    refuseOtherKinds(text.subarray(0, SNIFFED_BYTES), report.source, report.gzip);
    report.byteOrderMark = text[0] === 0xef && text[1] === 0xbb && text[2] === 0xbf;
    for await (const chunk of prepend(text, bytes)) {
      report.bytesRead += chunk.length;
      yield chunk;
    }
  } finally {
    // the source is closed too where its first bytes were refused
    await chunks.return(undefined);
  }
}
