import { CorruptDataError, type Document } from '@moect/core';
import { unifyLineEnds } from './clean-text.ts';
import { conversationText, parseMessages } from './conversation.ts';
import type { ResolvedReadOptions } from './read-options.ts';
import { shellWord } from './recode-command.ts';

type Fields = Readonly<Record<string, unknown>>;

interface At {
  readonly source: string;
  readonly place: string;
}

const kindOf = (value: unknown): string => {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
};

/** A whole JSON document in place of one a line, or text. */
function notJson(line: string, number: number, { source, place }: At, cause: unknown): CorruptDataError {
  const reason = `${place}: not JSON (${(cause as Error).message})`;
  const start = line.trimStart()[0];
  if (number === 1 && (start === '[' || start === '{')) {
    const filter = start === '[' ? "'.[]'" : '.';
    const hint = `If the file is one JSON value over many lines, make it one record a line: \`jq -c ${filter} ${shellWord(source)}\`.`;
    return new CorruptDataError(source, reason, hint, cause);
  }
  const hint =
    "Each line must be one JSON object; plain text is .txt, or has format 'lines', 'blocks' or 'whole'.";
  return new CorruptDataError(source, reason, hint, cause);
}

function parse(line: string, number: number, at: At): Fields {
  let record: unknown;
  try {
    record = JSON.parse(line);
  } catch (cause) {
    throw notJson(line, number, at, cause);
  }
  if (typeof record === 'object' && record !== null && !Array.isArray(record)) return record as Fields;
  const hint = Array.isArray(record)
    ? `Each line must be one JSON object. For a list of records: \`jq -c '.[]' ${shellWord(at.source)}\`.`
    : 'Each line must be one JSON object.';
  throw new CorruptDataError(at.source, `${at.place}: not a JSON object but ${kindOf(record)}`, hint);
}

/** A field of type string; undefined where it is absent, null or empty. */
function optionalString(record: Fields, field: string, { source, place }: At): string | undefined {
  const value = record[field];
  if (value === undefined || value === null || value === '') return undefined;
  if (typeof value === 'string') return value;
  throw new CorruptDataError(
    source,
    `${place}: field '${field}' is ${kindOf(value)}, must be a string`,
    'Correct the record, or name another field.',
  );
}

const isText = (value: unknown): value is string => typeof value === 'string';

/** What to do about a record whose text is elsewhere: in another field, or in pieces. */
function whereTextIs(record: Fields, source: string): string {
  const texts = Object.entries(record).flatMap(([field, value]) => {
    if (isText(value)) return [{ field, length: value.length, isList: false }];
    const isList = Array.isArray(value) && value.length > 0 && value.every(isText);
    return isList ? [{ field, length: value.join('').length, isList }] : [];
  });
  const longest = texts.sort((a, b) => b.length - a.length)[0];
  if (longest === undefined)
    return 'Name the field that holds the text with textField (--text-field); a conversation stands in messages.';
  const { field, isList } = longest;
  if (!isList) return `Name the field that holds the text with textField, for example --text-field ${field}.`;
  const join = `jq -c '{id, text: (.${field} | join("\\n"))}' ${shellWord(source)}`;
  return `Name the field that holds the text with textField (--text-field); '${field}' has it in pieces, join them: \`${join}\`.`;
}

function textOf(record: Fields, textField: readonly string[], { source, place }: At): string {
  const field = textField.find((name) => record[name] !== undefined) ?? textField[0]!;
  const value = record[field];
  if (typeof value === 'string') return value;
  if (value !== undefined) {
    const keep = `jq -c 'select(.${field} | type == "string")' ${shellWord(source)}`;
    throw new CorruptDataError(
      source,
      `${place}: field '${field}' is ${kindOf(value)}, must be a string`,
      value === null
        ? `Leave out the records without text: \`${keep}\`.`
        : 'Correct the record, or name another field.',
    );
  }
  throw new CorruptDataError(
    source,
    `${place}: no field '${field}'; the record has ${Object.keys(record).join(', ') || 'no fields'}`,
    whereTextIs(record, source),
  );
}

/** The text of a record: of its field, else of the conversation in `messages` or ShareGPT's `conversations`. */
function contentOf(
  record: Fields,
  textField: readonly string[],
  at: At,
): Pick<Document, 'text' | 'messages'> {
  const given = record['messages'] ?? record['conversations'] ?? null;
  const hasText = textField.some((name) => (record[name] ?? null) !== null);
  if (given === null || hasText) return { text: unifyLineEnds(textOf(record, textField, at)) };
  const messages = parseMessages(given, at.place, at.source);
  return { text: conversationText(messages), messages };
}

/** `swh` and, where the script stands in a field of its own, `swh_Latn`. */
function languageOf(record: Fields, options: ResolvedReadOptions, at: At): string {
  const language = optionalString(record, options.languageField, at);
  if (language === undefined) return options.language;
  const script = optionalString(record, options.scriptField, at);
  return script === undefined || /[_-]/.test(language) ? language : `${language}_${script}`;
}

/** One line of JSONL as a document. Throws CorruptDataError. */
export function parseJsonRecord(line: string, number: number, options: ResolvedReadOptions): Document {
  const { source, textField, idField } = options;
  const at = { source, place: `line ${number}` };
  const record = parse(line, number, at);
  const rawId = record[idField];
  return {
    id: typeof rawId === 'string' || typeof rawId === 'number' ? String(rawId) : `${source}:${number}`,
    ...contentOf(record, textField, at),
    language: languageOf(record, options, at),
  };
}
