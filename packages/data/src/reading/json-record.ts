import { CorruptDataError, type Document } from '@moect/core';
import { conversationText, parseMessages } from './conversation.ts';
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

/** The text of a record: of its field, else of the conversation in `messages` or ShareGPT's `conversations`. */
function contentOf(
  record: object,
  text: string | undefined,
  place: string,
  source: string,
): Pick<Document, 'text' | 'messages'> | null {
  if (text !== undefined) return { text: text.replace(/\r\n/g, '\n') };
  const { messages, conversations } = record as { messages?: unknown; conversations?: unknown };
  const given = messages ?? conversations;
  if (given === undefined || given === null) return null;
  const parsed = parseMessages(given, place, source);
  return { text: conversationText(parsed), messages: parsed };
}

/** One line of JSONL as a document. Throws CorruptDataError. */
export function parseJsonRecord(line: string, number: number, options: ResolvedReadOptions): Document {
  const { source, textField, languageField, idField, language } = options;
  const place = `line ${number}`;
  const record = parse(line, place, source);
  if (typeof record !== 'object' || record === null || Array.isArray(record)) {
    throw new CorruptDataError(source, `${place}: not a JSON object`, 'Each line must be one JSON object.');
  }
  const content = contentOf(record, stringField(record, textField, place, source), place, source);
  if (content === null) {
    throw new CorruptDataError(
      source,
      `${place}: no field '${textField}'; the record has ${Object.keys(record).join(', ') || 'no fields'}`,
      'Name the field that holds the text with textField; a conversation stands in messages.',
    );
  }
  const rawId = (record as Record<string, unknown>)[idField];
  const id = typeof rawId === 'string' || typeof rawId === 'number' ? String(rawId) : `${source}:${number}`;
  return {
    id,
    ...content,
    language: stringField(record, languageField, place, source) ?? language,
  };
}
