import { CorruptDataError, type Document } from '@moect/core';
import type { ResolvedReadOptions } from './read-options.ts';

function parse(line: string, place: string, source: string): unknown {
  try {
    return JSON.parse(line);
  } catch (cause) {
    throw new CorruptDataError(
      source,
      `${place}: not JSON (${(cause as Error).message})`,
      "Each line must be one JSON object; for plain text set format to 'lines'.",
      cause,
    );
  }
}

/** A field of type string; undefined where it is absent or null. */
function stringField(record: object, field: string, place: string, source: string): string | undefined {
  const value = (record as Record<string, unknown>)[field];
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'string') return value;
  throw new CorruptDataError(
    source,
    `${place}: field '${field}' is a ${Array.isArray(value) ? 'list' : typeof value}, must be a string`,
    'Correct the record, or name another field.',
  );
}

/** One line of JSONL as a document. Throws CorruptDataError. */
export function parseJsonRecord(line: string, number: number, options: ResolvedReadOptions): Document {
  const { source, textField, languageField, idField, language } = options;
  const place = `line ${number}`;
  const record = parse(line, place, source);
  if (typeof record !== 'object' || record === null || Array.isArray(record)) {
    throw new CorruptDataError(source, `${place}: not a JSON object`, 'Each line must be one JSON object.');
  }
  const text = stringField(record, textField, place, source);
  if (text === undefined) {
    throw new CorruptDataError(
      source,
      `${place}: no field '${textField}'; the record has ${Object.keys(record).join(', ') || 'no fields'}`,
      'Name the field that holds the text with textField.',
    );
  }
  const rawId = (record as Record<string, unknown>)[idField];
  const id = typeof rawId === 'string' || typeof rawId === 'number' ? String(rawId) : `${source}:${number}`;
  return {
    id,
    text: text.replace(/\r\n/g, '\n'),
    language: stringField(record, languageField, place, source) ?? language,
  };
}
