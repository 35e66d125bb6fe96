import { CorruptDataError, type Document, MoectError } from '@moect/core';
import { type ByteInput, openBytes } from './byte-stream.ts';
import { decodeLine } from './decode-utf8.ts';
import { parseJsonRecord } from './json-record.ts';
import { type ReadOptions, type ResolvedReadOptions, resolveReadOptions } from './read-options.ts';
import { createReadReport, type ReadReport } from './read-report.ts';
import { type RawLine, splitLines } from './split-lines.ts';

/** Documents of one source, read once, with an account of what was met. */
export interface DocumentReader extends AsyncIterable<Document> {
  /** Counts of this reading; they are complete when the last document has been read. */
  readonly report: ReadReport;
}

const encoder = new TextEncoder();
const loneSurrogate = /\p{Surrogate}/u;

/** Lines that make up one document. */
interface Unit {
  readonly line: number;
  text: string;
  bytes: number;
  broken: boolean;
  oversized: boolean;
}

class UnitCollector {
  readonly #options: ResolvedReadOptions;
  readonly #report: ReadReport;
  #unit: Unit | null = null;

  constructor(options: ResolvedReadOptions, report: ReadReport) {
    this.#options = options;
    this.#report = report;
  }

  /** Adds a line to the document at hand. */
  add(raw: RawLine): void {
    this.#unit ??= { line: raw.line, text: '', bytes: -1, broken: false, oversized: false };
    const unit = this.#unit;
    const first = unit.bytes < 0;
    unit.bytes += raw.bytes.length + 1;
    unit.oversized ||= raw.oversized || unit.bytes > this.#options.maxDocumentBytes;
    if (unit.oversized) {
      unit.text = '';
      this.#refuseOversized(raw.line);
      return;
    }
    const decoded = decodeLine(raw, this.#options, this.#report);
    unit.text = first ? decoded.text : `${unit.text}\n${decoded.text}`;
    unit.broken ||= decoded.broken;
  }

  /** The document at hand, if one is to be kept. */
  finish(): Unit | null {
    const unit = this.#unit;
    this.#unit = null;
    if (unit === null) return null;
    if (unit.oversized) {
      this.#report.oversizedDocuments++;
      return null;
    }
    if (unit.broken) {
      this.#report.invalidUtf8Documents++;
      if (this.#options.invalidUtf8 === 'skip-document') return null;
    }
    return unit;
  }

  #refuseOversized(line: number): void {
    if (this.#options.oversized !== 'error') return;
    throw new CorruptDataError(
      this.#options.source,
      `line ${line}: the document is longer than ${this.#options.maxDocumentBytes} bytes`,
      "Cut it into documents, raise maxDocumentBytes, or set oversized to 'skip-document'.",
    );
  }
}

async function* units(
  lines: AsyncIterable<RawLine>,
  options: ResolvedReadOptions,
  report: ReadReport,
): AsyncGenerator<Unit> {
  const collector = new UnitCollector(options, report);
  const perLine = options.format === 'lines' || options.format === 'jsonl';
  for await (const raw of lines) {
    const blank = !raw.oversized && raw.bytes.every((byte) => byte === 0x20 || byte === 0x09);
    const ends = perLine || (options.format === 'blocks' && blank);
    if (perLine || !ends) collector.add(raw);
    const unit = ends ? collector.finish() : null;
    if (unit !== null) yield unit;
  }
  const last = collector.finish();
  if (last !== null) yield last;
}

function toDocument(unit: Unit, options: ResolvedReadOptions): Document {
  if (options.format === 'jsonl') return parseJsonRecord(unit.text, unit.line, options);
  return { id: `${options.source}:${unit.line}`, text: unit.text, language: options.language };
}

/** Changes a document's text, and that of its messages. */
function mapTexts(document: Document, change: (text: string) => string): Document {
  const { text, messages } = document;
  if (messages === undefined) return { ...document, text: change(text) };
  const changed = messages.map(({ role, content }) => ({ role, content: change(content) }));
  return { ...document, text: change(text), messages: changed };
}

/** JSON can spell half a surrogate pair, which UTF-8 cannot hold: the policy for broken UTF-8 applies. */
function repairSurrogates(document: Document, unit: Unit, options: ResolvedReadOptions, report: ReadReport) {
  if (!loneSurrogate.test(document.text)) return document;
  report.invalidUtf8Documents++;
  if (options.invalidUtf8 === 'error') {
    throw new CorruptDataError(
      options.source,
      `line ${unit.line}: the text holds half a surrogate pair`,
      "Correct the record, or set invalidUtf8 to 'replace' or 'skip-document'.",
    );
  }
  if (options.invalidUtf8 === 'skip-document') return null;
  return mapTexts(document, (text) => text.replace(new RegExp(loneSurrogate, 'gu'), '\uFFFD'));
}

async function* read(input: ByteInput, options: ResolvedReadOptions, report: ReadReport) {
  const lines = splitLines(openBytes(input, report), options.maxDocumentBytes, report);
  for await (const unit of units(lines, options, report)) {
    const blankLine = unit.text.trim() === '';
    const parsed = blankLine ? null : toDocument(unit, options);
    if (parsed === null || parsed.text.trim() === '') {
      report.emptyDocuments++;
      continue;
    }
    const document = repairSurrogates(parsed, unit, options, report);
    if (document === null) continue;
    report.documents++;
    report.textBytes += encoder.encode(document.text).length;
    yield document;
  }
}

/**
 * Reads text or JSONL, also gzipped, as a stream: memory holds one document and one chunk.
 * A byte order mark is dropped, CR LF becomes LF, documents without a visible character are counted and dropped.
 *
 * Iterating throws CorruptDataError (with line and byte) for broken UTF-8, documents above `maxDocumentBytes`,
 * damaged gzip, UTF-16, and JSONL lines that are not records with a text; the first two by policy.
 * Calling throws InvalidConfigError for unknown settings.
 */
export function readDocuments(input: ByteInput, options: ReadOptions): DocumentReader {
  const resolved = resolveReadOptions(options);
  const report = createReadReport(options.source);
  const documents = read(input, resolved, report);
  let begun = false;
  return {
    report,
    [Symbol.asyncIterator]() {
      if (begun) {
        throw new MoectError('AlreadyReadError', `${options.source} has been read.`, 'Make a new reader.');
      }
      begun = true;
      return documents;
    },
  };
}
