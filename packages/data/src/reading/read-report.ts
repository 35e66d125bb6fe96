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
  /** Bytes after decompression. */
  bytesRead: number;
  gzip: boolean;
  lines: number;
  documents: number;
  /** UTF-8 bytes of all documents' text. */
  textBytes: number;
  /** Documents without a visible character; they are never yielded. */
  emptyDocuments: number;
  /** Documents with broken UTF-8; the policy says whether they are repaired or skipped. */
  invalidUtf8Documents: number;
  /** The first ten broken places. */
  readonly invalidUtf8: Place[];
  /** Documents longer than `maxDocumentBytes`; they are skipped. */
  oversizedDocuments: number;
  byteOrderMark: boolean;
  /** Lines that ended in CR LF. */
  crlfLines: number;
}

export function createReadReport(source: string): ReadReport {
  return {
    source,
    bytesRead: 0,
    gzip: false,
    lines: 0,
    documents: 0,
    textBytes: 0,
    emptyDocuments: 0,
    invalidUtf8Documents: 0,
    invalidUtf8: [],
    oversizedDocuments: 0,
    byteOrderMark: false,
    crlfLines: 0,
  };
}
