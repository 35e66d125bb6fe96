import { CorruptDataError, type Document, MoectError } from '@moect/core';
import { type ByteInput, openBytes } from './byte-stream.ts';
import { mapTexts, normalizeDocument } from './clean-text.ts';
import { parseJsonRecord } from './json-record.ts';
import { type ReadOptions, type ResolvedReadOptions, resolveReadOptions } from './read-options.ts';
import { createReadReport, type ReadReport } from './read-report.ts';
import { splitLines } from './split-lines.ts';
import { collectUnits, type Unit } from './units.ts';
import { createWrapCounter } from './wrapped-lines.ts';

/** Documents of one source, read once, with an account of what was met. */
export interface DocumentReader extends AsyncIterable<Document> {
  /** Counts of this reading; they are complete when the last document has been read. */
  readonly report: ReadReport;
}

const encoder = new TextEncoder();
const loneSurrogate = /\p{Surrogate}/u;

function toDocument(unit: Unit, options: ResolvedReadOptions): Document {
  if (options.format === 'jsonl') return parseJsonRecord(unit.text, unit.line, options);
  return { id: `${options.source}:${unit.line}`, text: unit.text, language: options.language };
}

/** JSON can spell half a surrogate pair, which UTF-8 cannot hold: the policy for broken UTF-8 applies. */
function repairSurrogates(document: Document, unit: Unit, options: ResolvedReadOptions, report: ReadReport) {
  if (!loneSurrogate.test(document.text)) return document;
  report.invalidUtf8Documents++;
  if (options.invalidUtf8 === 'error') {
    throw new CorruptDataError(
      options.source,
      `line ${unit.line}: the text holds half a surrogate pair`,
      "Correct the record, or choose invalidUtf8 'replace' or 'skip-document' (--invalid-utf8).",
    );
  }
  if (options.invalidUtf8 === 'skip-document') return null;
  return mapTexts(document, (text) => text.replace(new RegExp(loneSurrogate, 'gu'), '\uFFFD'));
}

async function* read(input: ByteInput, options: ResolvedReadOptions, report: ReadReport) {
  const lines = splitLines(openBytes(input, report), options.maxDocumentBytes, report);
  const countWrapped = options.format === 'lines' ? createWrapCounter(report) : () => undefined;
  for await (const unit of collectUnits(lines, options, report)) {
    countWrapped(unit.text);
    const blankLine = unit.text.trim() === '';
    const parsed = blankLine ? null : toDocument(unit, options);
    if (parsed === null || parsed.text.trim() === '') {
      report.emptyDocuments++;
      continue;
    }
    if (!unit.broken && parsed.text.includes('\uFFFD')) report.replacementDocuments++;
    const repaired = repairSurrogates(parsed, unit, options, report);
    if (repaired === null) continue;
    const document = normalizeDocument(repaired, options.normalization, report);
    report.documents++;
    report.textBytes += encoder.encode(document.text).length;
    yield document;
  }
}

/**
 * Reads text or JSONL, also gzipped, as a stream: memory holds one document and one chunk. A byte order mark is dropped,
 * CR LF and CR become LF, text gets its Unicode form, documents without a visible character are counted and dropped.
 *
 * Iterating throws CorruptDataError (with line and byte) for broken UTF-8 and NUL bytes, documents above
 * `maxDocumentBytes`, damaged gzip, what is no UTF-8 text by its first bytes (UTF-16, PDF, archives, …), and JSONL lines
 * that are not records with a text; the first two by policy. Calling throws InvalidConfigError for unknown settings.
 */
export function readDocuments(input: ByteInput, options: ReadOptions): DocumentReader {
  const resolved = resolveReadOptions(options);
  const report = createReadReport(options.source, resolved.format);
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
