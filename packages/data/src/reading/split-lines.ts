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
/** A byte order mark does not count towards the limit. */
const byteOrderMarkBytes = 3;

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
    if (this.#length > this.#limit + byteOrderMarkBytes) this.#pieces = [];
    else this.#pieces.push(piece);
  }

  take(): Uint8Array | null {
    const bytes = this.#length > this.#limit + byteOrderMarkBytes ? null : this.#join();
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

/** Where the line ends of a chunk are, found by the platform's search for one byte at a time. */
class LineEnds {
  readonly #chunk: Uint8Array;
  #lf = -1;
  #cr = -1;

  constructor(chunk: Uint8Array) {
    this.#chunk = chunk;
  }

  /** The first LF or CR from here on; −1 if there is none. */
  next(from: number): number {
    if (this.#lf < from) this.#lf = this.#find(lineFeed, from);
    if (this.#cr < from) this.#cr = this.#find(carriageReturn, from);
    const first = Math.min(this.#lf, this.#cr);
    return first === this.#chunk.length ? -1 : first;
  }

  #find(byte: number, from: number): number {
    const at = this.#chunk.indexOf(byte, from);
    return at === -1 ? this.#chunk.length : at;
  }
}

/**
 * Cuts bytes into lines at LF, CR LF or CR alone, as old Macs wrote it. A byte order mark at the start is dropped.
 * Cutting bytes, not characters, is safe: no multi-byte character of UTF-8 contains them. Lines above `maxLineBytes` are
 * not held in memory.
 */
export async function* splitLines(
  chunks: AsyncIterable<Uint8Array>,
  maxLineBytes: number,
  report: ReadReport,
): AsyncGenerator<RawLine> {
  const buffer = new LineBuffer(maxLineBytes);
  let lineStart = 0;
  const finish = (endBytes: number): RawLine => {
    const length = buffer.length;
    let bytes = buffer.take();
    let byteOffset = lineStart;
    if (report.lines === 0 && report.byteOrderMark) {
      bytes = bytes?.subarray(byteOrderMarkBytes) ?? null;
      byteOffset += byteOrderMarkBytes;
    }
    lineStart += length + endBytes;
    report.lines++;
    const oversized = bytes === null || bytes.length > maxLineBytes;
    return { bytes: oversized ? new Uint8Array(0) : bytes!, line: report.lines, byteOffset, oversized };
  };
  const finishAtCr = (isFollowedByLf: boolean): RawLine => {
    report[isFollowedByLf ? 'crlfLines' : 'crLines']++;
    return finish(isFollowedByLf ? 2 : 1);
  };
  // a CR at the end of a chunk: the next one tells whether an LF belongs to it
  let hasOpenCr = false;
  for await (const chunk of chunks) {
    if (chunk.length === 0) continue;
    let start = 0;
    if (hasOpenCr) {
      start = chunk[0] === lineFeed ? 1 : 0;
      yield finishAtCr(start === 1);
      hasOpenCr = false;
    }
    const ends = new LineEnds(chunk);
    for (let end = ends.next(start); end !== -1; end = ends.next(start)) {
      buffer.add(chunk.subarray(start, end));
      start = end + 1;
      if (chunk[end] === lineFeed) yield finish(1);
      else if (start === chunk.length) hasOpenCr = true;
      else {
        const isFollowedByLf = chunk[start] === lineFeed;
        if (isFollowedByLf) start++;
        yield finishAtCr(isFollowedByLf);
      }
    }
    if (start < chunk.length) buffer.add(chunk.subarray(start));
  }
  if (hasOpenCr) yield finishAtCr(false);
  else if (buffer.length > 0) yield finish(0);
}
