import type { TextFormat } from './read-options.ts';

/** A place in a source, for messages. */
export interface Place {
  /** Number of the line, counted from 1. */
  readonly line: number;
  /** Offset of the byte in the (decompressed) source, counted from 0. */
  readonly byteOffset: number;
}

/** Counts of one reading of a source; they grow while its documents are read. */
export interface ReadReport {
  readonly source: string;
  /** What a document is in this source. */
  readonly format: TextFormat;
  /** Bytes after decompression. */
  bytesRead: number;
  gzip: boolean;
  lines: number;
  documents: number;
  /** UTF-8 bytes of all documents' text. */
  textBytes: number;
  /** Documents without a visible character; they are never yielded. */
  emptyDocuments: number;
  /** Documents with broken UTF-8 or NUL bytes; the policy says whether they are repaired or skipped. */
  invalidUtf8Documents: number;
  /** The first ten broken places. */
  readonly invalidUtf8: Place[];
  /** Documents longer than `maxDocumentBytes`; they are skipped. */
  oversizedDocuments: number;
  /** Documents that a corpus left out because their record names another language, by that language. */
  readonly otherLanguages: Record<string, number>;
  /** Documents whose text the Unicode normalisation changed. */
  normalizedDocuments: number;
  /** Documents that are not in NFC and stay so, without normalisation. */
  otherFormDocuments: number;
  /** Documents that hold U+FFFD as they are: an earlier conversion lost characters. */
  replacementDocuments: number;
  byteOrderMark: boolean;
  /** Lines that ended in CR LF. */
  crlfLines: number;
  /** Lines that ended in CR alone. */
  crLines: number;
  /** Format `lines`: those of 40 to 120 characters that end inside a sentence, with another line right behind them. */
  wrappedLines: number;
}

/** Counts at the start of a reading. */
export function createReadReport(source: string, format: TextFormat): ReadReport {
  return {
    source,
    format,
    bytesRead: 0,
    gzip: false,
    lines: 0,
    documents: 0,
    textBytes: 0,
    emptyDocuments: 0,
    invalidUtf8Documents: 0,
    invalidUtf8: [],
    oversizedDocuments: 0,
    otherLanguages: {},
    normalizedDocuments: 0,
    otherFormDocuments: 0,
    replacementDocuments: 0,
    byteOrderMark: false,
    crlfLines: 0,
    crLines: 0,
    wrappedLines: 0,
  };
}
