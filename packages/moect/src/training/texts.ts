import { type Document, InvalidConfigError } from '@moect/core';
import { collectDocuments, conversationText, parseMessages, readDocuments } from '@moect/data';
import type { Platform } from '../platform/platform.ts';
import { withoutText } from './no-text.ts';
import type { TextFiles, Texts } from './texts-shape.ts';

/** How files are read. */
export interface TextFormat {
  readonly format?: 'lines' | 'blocks' | 'whole' | 'jsonl' | undefined;
  readonly textField: string;
}

export const DEFAULT_FORMAT: TextFormat = { textField: 'text' };

export interface TextLanguage {
  readonly code: string;
  readonly role: 'new' | 'old' | 'unseen';
}

/** Makes ids unique, because files may repeat them and scores are paired by id. */
function withUniqueIds(documents: readonly Document[]): Document[] {
  const seen = new Map<string, number>();
  return documents.map((document) => {
    const times = (seen.get(document.id) ?? 0) + 1;
    seen.set(document.id, times);
    return times === 1 ? document : { ...document, id: `${document.id} (${times})` };
  });
}

const linesOf = (text: string): string[] => text.split(/\r\n|\n|\r/).filter((line) => line.trim() !== '');

const isFiles = (texts: Texts): texts is TextFiles => typeof texts === 'object' && 'files' in texts;

/** A document from memory; id and language may be missing. Throws InvalidConfigError, CorruptDataError. */
function documentOf(
  given: unknown,
  code: string,
  index: number,
): Pick<Document, 'text' | 'messages'> & Partial<Pick<Document, 'id' | 'language'>> {
  if (typeof given === 'string') return { text: given };
  const { id, language, text, messages } = (given ?? {}) as Partial<Document>;
  const named = { ...(id !== undefined && { id }), ...(language !== undefined && { language }) };
  if (messages !== undefined) {
    const parsed = parseMessages(messages, `[${index}]`, `Text of ${code}`);
    return { ...named, text: conversationText(parsed), messages: parsed };
  }
  if (typeof text === 'string') return { ...named, text };
  const message = `is ${JSON.stringify(given)}, must be a string, { id, text, language } or { messages }`;
  throw new InvalidConfigError(`Text of ${code}`, [{ path: `[${index}]`, message }]);
}

/** Documents from memory, without those that name another language, as for files. */
async function fromMemory(code: string, texts: Exclude<Texts, TextFiles>): Promise<Document[]> {
  const documents: Document[] = [];
  let [count, others] = [0, 0];
  for await (const given of typeof texts === 'string' ? linesOf(texts) : texts) {
    const { id = `${code}-${++count}`, language = code, ...content } = documentOf(given, code, count - 1);
    if (language !== code) others++;
    else if (content.text.trim() !== '') documents.push({ id, language, ...content });
  }
  if (documents.length > 0) return documents;
  throw withoutText(code, 'texts', others);
}

async function fromFileObject(language: TextLanguage, file: File, given: TextFormat): Promise<Document[]> {
  const format = given.format ?? (/\.(jsonl|ndjson)(\.gz)?$/i.test(file.name) ? 'jsonl' : 'lines');
  const { textField } = given;
  const options = { source: file.name, language: language.code, format, textField };
  const all = await collectDocuments(readDocuments(file.stream(), options));
  const documents = all.filter((document) => document.language === language.code);
  if (documents.length > 0) return documents;
  throw withoutText(language.code, file.name, all.length);
}

/** Documents of a language, from any source. Throws InvalidConfigError and CorruptDataError. */
export async function readTexts(
  language: TextLanguage,
  texts: Texts,
  format: TextFormat,
  platform: Platform,
): Promise<Document[]> {
  if (!isFiles(texts)) return withUniqueIds(await fromMemory(language.code, texts));
  const { files } = texts;
  const paths = files.filter((file) => typeof file === 'string');
  const objects = files.filter((file) => typeof file !== 'string');
  const documents =
    paths.length > 0 || files.length === 0
      ? await platform.readFiles({ ...language, files: paths, ...format })
      : [];
  for (const file of objects) documents.push(...(await fromFileObject(language, file, format)));
  return withUniqueIds(documents);
}
