import type { ReadReport } from './read-report.ts';

/** A file looks hard-wrapped from this many such lines on, if they are this share of its documents. */
const WRAPPED = { lines: 20, share: 0.4 };
const LISTED_LANGUAGES = 5;

const many = (count: number, what: string): string =>
  `${count.toLocaleString('en-US')} ${what}${count === 1 ? '' : 's'}`;

function languagesNote({ otherLanguages, documents }: ReadReport): string | null {
  const found = Object.entries(otherLanguages).sort(([, a], [, b]) => b - a);
  const left = found.reduce((sum, [, count]) => sum + count, 0);
  if (left === 0) return null;
  const listed = found.slice(0, LISTED_LANGUAGES).map(([code, count]) => `${code} ${count}`);
  const more = found.length > LISTED_LANGUAGES ? ', …' : '';
  return `${left} of ${many(documents, 'record')} left out, which name another language: ${listed.join(', ')}${more}`;
}

function brokenNote({ invalidUtf8Documents, invalidUtf8: [first] }: ReadReport): string | null {
  if (invalidUtf8Documents === 0) return null;
  const where = first === undefined ? '' : `, first at line ${first.line}, byte ${first.byteOffset}`;
  return `${many(invalidUtf8Documents, 'document')} with broken UTF-8 or NUL bytes repaired or skipped${where}`;
}

function wrappedNote({ wrappedLines, documents }: ReadReport): string | null {
  if (wrappedLines < WRAPPED.lines || wrappedLines < WRAPPED.share * documents) return null;
  return (
    `looks like text with lines cut to a width, and each of its ${many(documents, 'line')} is a document: ` +
    'for one a paragraph, --format blocks (data.format); for one a file, --format whole'
  );
}

/**
 * What a reader of a source should know, in sentences that begin with its name: what was left out and why, what was
 * changed, and what looks wrong. Nothing for a source without any of these.
 */
export function describeReading(report: ReadReport): string[] {
  const { source, format, emptyDocuments, oversizedDocuments, normalizedDocuments, documents } = report;
  const notes = [
    documents === 0 && report.bytesRead === 0 ? 'is empty' : null,
    languagesNote(report),
    // blank lines of plain text are no loss
    format === 'jsonl' && emptyDocuments > 0
      ? `${many(emptyDocuments, 'blank line')} and records without visible text left out`
      : null,
    brokenNote(report),
    oversizedDocuments > 0 ? `${many(oversizedDocuments, 'document')} above the largest size left out` : null,
    normalizedDocuments > 0
      ? `${normalizedDocuments} of ${many(documents, 'document')} changed to Unicode NFC (data.normalization)`
      : null,
    report.otherFormDocuments > 0
      ? `${report.otherFormDocuments} of ${many(documents, 'document')} not in Unicode NFC, left so (data.normalization)`
      : null,
    report.replacementDocuments > 0
      ? `${many(report.replacementDocuments, 'document')} with U+FFFD: characters were lost in an earlier conversion`
      : null,
    report.crLines > 0 ? `${many(report.crLines, 'line')} end in CR alone, read as line ends` : null,
    wrappedNote(report),
  ];
  return notes.flatMap((note) => (note === null ? [] : [`${source}: ${note}`]));
}
