import { CorruptDataError } from '@moect/core';
import { decodeLine } from './decode-utf8.ts';
import type { ResolvedReadOptions } from './read-options.ts';
import type { ReadReport } from './read-report.ts';
import type { RawLine } from './split-lines.ts';

/** Lines that make up one document. */
export interface Unit {
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

const isBlank = ({ oversized, bytes }: RawLine): boolean =>
  !oversized && bytes.every((byte) => byte === 0x20 || byte === 0x09);

/** Lines put together to documents, as the format parts them. Throws CorruptDataError. */
export async function* collectUnits(
  lines: AsyncIterable<RawLine>,
  options: ResolvedReadOptions,
  report: ReadReport,
): AsyncGenerator<Unit> {
  const collector = new UnitCollector(options, report);
  const perLine = options.format === 'lines' || options.format === 'jsonl';
  for await (const raw of lines) {
    const ends = perLine || (options.format === 'blocks' && isBlank(raw));
    if (perLine || !ends) collector.add(raw);
    const unit = ends ? collector.finish() : null;
    if (unit !== null) yield unit;
  }
  const last = collector.finish();
  if (last !== null) yield last;
}
