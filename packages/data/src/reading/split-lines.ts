import type { ReadReport } from './read-report.ts';

/** One line without its line break. */
export interface RawLine {
  readonly bytes: Uint8Array;
  /** Number of the line, counted from 1. */
  readonly line: number;
  /** Offset of the line in the source. */
  readonly byteOffset: number;
  /** True where the line was longer than the limit: `bytes` is then empty. */
  readonly oversized: boolean;
}

const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const byteOrderMarkBytes = 3;
/** A byte order mark and a carriage return do not count towards the limit. */
const slack = byteOrderMarkBytes + 1;

/** Collects the pieces of a line that crosses chunks, up to a limit. */
class LineBuffer {
  readonly #limit: number;
  #pieces: Uint8Array[] = [];
  #length = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get length(): number {
    return this.#length;
  }

  add(piece: Uint8Array): void {
    this.#length += piece.length;
    if (this.#length > this.#limit + slack) this.#pieces = [];
    else this.#pieces.push(piece);
  }

  take(): Uint8Array | null {
    const bytes = this.#length > this.#limit + slack ? null : this.#join();
    this.#pieces = [];
    this.#length = 0;
    return bytes;
  }

  #join(): Uint8Array {
    if (this.#pieces.length === 1) return this.#pieces[0]!;
    const joined = new Uint8Array(this.#length);
    let at = 0;
    for (const piece of this.#pieces) {
      joined.set(piece, at);
      at += piece.length;
    }
    return joined;
  }
}

/**
 * Cuts bytes into lines at LF or CR LF. A byte order mark at the start is dropped. Cutting bytes, not characters,
 * is safe: no multi-byte character of UTF-8 contains LF. Lines above `maxLineBytes` are not held in memory.
 */
export async function* splitLines(
  chunks: AsyncIterable<Uint8Array>,
  maxLineBytes: number,
  report: ReadReport,
): AsyncGenerator<RawLine> {
  const buffer = new LineBuffer(maxLineBytes);
  let lineStart = 0;
  const finish = (): RawLine => {
    const length = buffer.length;
    let bytes = buffer.take();
    let byteOffset = lineStart;
    if (bytes?.at(-1) === carriageReturn) {
      bytes = bytes.subarray(0, -1);
      report.crlfLines++;
    }
    if (report.lines === 0 && report.byteOrderMark) {
      bytes = bytes?.subarray(byteOrderMarkBytes) ?? null;
      byteOffset += byteOrderMarkBytes;
    }
    lineStart += length + 1;
    report.lines++;
    const oversized = bytes === null || bytes.length > maxLineBytes;
    return { bytes: oversized ? new Uint8Array(0) : bytes!, line: report.lines, byteOffset, oversized };
  };
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(lineFeed); end !== -1; end = chunk.indexOf(lineFeed, start)) {
      buffer.add(chunk.subarray(start, end));
      start = end + 1;
      yield finish();
    }
    if (start < chunk.length) buffer.add(chunk.subarray(start));
  }
  if (buffer.length > 0) yield finish();
}
