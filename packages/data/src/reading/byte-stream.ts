import { CorruptDataError } from '@moect/core';
import type { ReadReport } from './read-report.ts';

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
  let head = new Uint8Array(0);
  while (head.length < least) {
    const { done, value } = await chunks.next();
    if (done) break;
    const joined = new Uint8Array(head.length + value.length);
    joined.set(head);
    joined.set(value, head.length);
    head = joined;
  }
  return head;
}

async function* gunzip(chunks: AsyncGenerator<Uint8Array>, source: string): AsyncGenerator<Uint8Array> {
  let sourceFailure: { readonly error: unknown } | null = null;
  const compressed = new ReadableStream<BufferSource>({
    async pull(controller) {
      const { done, value } = await chunks.next().catch((error) => {
        sourceFailure = { error };
        throw error;
      });
      if (done) controller.close();
      else controller.enqueue(value as Uint8Array<ArrayBuffer>);
    },
  });
  try {
    yield* chunksOfStream(compressed.pipeThrough(new DecompressionStream('gzip')));
  } catch (cause) {
    if (sourceFailure !== null) throw (sourceFailure as { readonly error: unknown }).error;
    throw new CorruptDataError(
      source,
      'the gzip data is damaged or ends too early',
      'Fetch the file again; `gzip -t` tells whether it is whole.',
      cause,
    );
  } finally {
    // a pipe passes cancelling on only later; the file must be closed when the reader is
    await chunks.return(undefined);
  }
}

/**
 * The bytes of a source, unpacked where they start with gzip's magic number, whatever the name says.
 * Throws CorruptDataError for damaged or truncated gzip, and for UTF-16 text.
 */
export async function* openBytes(input: ByteInput, report: ReadReport): AsyncGenerator<Uint8Array> {
  const chunks = chunksOf(input);
  const head = await readAhead(chunks, 2);
  report.gzip = head[0] === 0x1f && head[1] === 0x8b;
  const whole = prepend(head, chunks);
  const bytes = report.gzip ? gunzip(whole, report.source) : whole;
  const text = await readAhead(bytes, 3);
  if ((text[0] === 0xff && text[1] === 0xfe) || (text[0] === 0xfe && text[1] === 0xff)) {
    throw new CorruptDataError(
      report.source,
      'starts with a byte order mark of UTF-16',
      'Convert it to UTF-8, for example with `iconv -f UTF-16 -t UTF-8`.',
    );
  }
  report.byteOrderMark = text[0] === 0xef && text[1] === 0xbb && text[2] === 0xbf;
  for await (const chunk of prepend(text, bytes)) {
    report.bytesRead += chunk.length;
    yield chunk;
  }
}
