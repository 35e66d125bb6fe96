/** A place in a source, for messages. */
export interface Place {
  /** Counted from 1. */
  readonly line: number;
  /** Offset of the byte in the (decompressed) source, counted from 0. */
  readonly byteOffset: number;
}

/** What reading a source met; grows while its documents are read. */
export interface ReadReport {
  readonly source: string;
  /** After decompression. */
  bytesRead: number;
  gzip: boolean;
  lines: number;
  documents: number;
  /** UTF-8 bytes of all documents' text. */
  textBytes: number;
  /** Without a visible character; never yielded. */
  emptyDocuments: number;
  /** With broken UTF-8: replaced or skipped, as the policy says. */
  invalidUtf8Documents: number;
  /** The first ten broken places. */
  readonly invalidUtf8: Place[];
  /** Longer than `maxDocumentBytes`, skipped. */
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
