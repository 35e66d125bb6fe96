import { type Document, InvalidConfigError } from '@moect/core';
import { collectDocuments, readDocuments } from '@moect/data';
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

/** Documents from memory, without those that name another language, as for files. */
async function fromMemory(code: string, texts: Exclude<Texts, TextFiles>): Promise<Document[]> {
  const documents: Document[] = [];
  let [count, others] = [0, 0];
  for await (const given of typeof texts === 'string' ? linesOf(texts) : texts) {
    count++;
    if (typeof given !== 'string' && typeof given?.text !== 'string') {
      const message = `is ${JSON.stringify(given)}, must be a string or { id, text, language }`;
      throw new InvalidConfigError(`Text of ${code}`, [{ path: `[${count - 1}]`, message }]);
    }
    const {
      id = `${code}-${count}`,
      text,
      language = code,
    } = typeof given === 'string' ? { text: given } : given;
    if (language !== code) others++;
    else if (text.trim() !== '') documents.push({ id, text, language });
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
