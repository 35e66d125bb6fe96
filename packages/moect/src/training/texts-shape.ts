import type { ChatMessage, Document } from '@moect/core';

/**
 * Text in files: their paths, or File objects. .txt (a document a line, unless `data.format` says otherwise) or .jsonl, also
 * with .gz.
 */
export interface TextFiles {
  readonly files: readonly (string | File)[];
}

/** A conversation; its answers are learned and scored. */
export interface Conversation {
  readonly messages: readonly ChatMessage[];
  readonly id?: string;
  readonly language?: string;
}

type Given = string | Document | Conversation;

/**
 * Text of one language: documents, as strings or with ids, or conversations; one string, read as a .txt file is (a document a
 * line); or files. The name of a file in place of its text is refused.
 */
export type Texts = string | Iterable<Given> | AsyncIterable<Given> | TextFiles;

const isObject = (value: unknown): value is Record<PropertyKey, unknown> =>
  typeof value === 'object' && value !== null;

/** Whether a value can be read as {@link Texts}; the documents themselves are checked when they are read. */
export function isTexts(value: unknown): value is Texts {
  if (typeof value === 'string') return true;
  if (!isObject(value)) return false;
  if (Symbol.iterator in value || Symbol.asyncIterator in value) return true;
  const { files } = value;
  const isFile = (file: unknown): boolean => typeof file === 'string' || file instanceof Blob;
  return Array.isArray(files) && files.length > 0 && files.every(isFile);
}
