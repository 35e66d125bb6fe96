import { type Document, InvalidConfigError } from '@moect/core';
import {
  collectDocuments,
  conversationText,
  createReadReport,
  formatFor,
  mapTexts,
  namesLanguage,
  normalizeDocument,
  onlyLanguage,
  parseMessages,
  type ReadReport,
  readDocuments,
  unifyLineEnds,
} from '@moect/data';
import type { Platform, ReadText } from '../platform/platform.ts';
import { withoutText } from './no-text.ts';
import { refusePath } from './path-as-text.ts';
import type { TextSettings } from './text-settings.ts';
import type { TextFiles, Texts } from './texts-shape.ts';

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

const linesOf = (text: string): string[] => unifyLineEnds(text).split('\n');

const isFiles = (texts: Texts): texts is TextFiles => typeof texts === 'object' && 'files' in texts;

const utf8 = new TextEncoder();

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

/** Documents from memory, treated as those of files are: other languages left out, line ends, Unicode form. */
async function fromMemory(
  code: string,
  texts: Exclude<Texts, TextFiles>,
  { normalization }: TextSettings,
): Promise<ReadText> {
  const report = createReadReport(`texts of ${code}`, typeof texts === 'string' ? 'lines' : 'jsonl');
  const documents: Document[] = [];
  let count = 0;
  for await (const given of typeof texts === 'string' ? linesOf(texts) : texts) {
    const index = count++;
    const { id = `${code}-${count}`, language = code, ...content } = documentOf(given, code, index);
    report.bytesRead += utf8.encode(content.text).length;
    if (content.text.trim() === '') {
      report.emptyDocuments++;
      continue;
    }
    report.documents++;
    if (!namesLanguage(language, code)) {
      report.otherLanguages[language] = (report.otherLanguages[language] ?? 0) + 1;
      continue;
    }
    const clean = normalizeDocument(mapTexts(content, unifyLineEnds), normalization, report);
    report.textBytes += utf8.encode(clean.text).length;
    documents.push({ ...clean, id, language: code });
  }
  return { documents, reports: [report] };
}

async function fromFileObject({ code }: TextLanguage, file: File, settings: TextSettings): Promise<ReadText> {
  const { textField, invalidUtf8, normalization } = settings;
  const reader = readDocuments(file.stream(), {
    source: file.name,
    language: code,
    format: formatFor(file.name, settings.format) ?? 'lines',
    textField,
    invalidUtf8,
    normalization,
  });
  return { documents: await collectDocuments(onlyLanguage(reader, code)), reports: [reader.report] };
}

async function readSources(
  language: TextLanguage,
  texts: Texts,
  settings: TextSettings,
  platform: Platform,
): Promise<ReadText[]> {
  if (!isFiles(texts)) {
    await refusePath(language.code, texts, platform);
    return [await fromMemory(language.code, texts, settings)];
  }
  const { files } = texts;
  const paths = files.filter((file) => typeof file === 'string');
  const objects = files.filter((file) => typeof file !== 'string');
  const read: ReadText[] = [];
  if (paths.length > 0 || files.length === 0) {
    read.push(
      await platform.readFiles({ ...settings, code: language.code, role: language.role, files: paths }),
    );
  }
  for (const file of objects) read.push(await fromFileObject(language, file, settings));
  return read;
}

/**
 * Documents of a language, from any source, with an account of the reading.
 * Throws InvalidConfigError (also where no text is left) and CorruptDataError.
 */
export async function readTexts(
  language: TextLanguage,
  texts: Texts,
  settings: TextSettings,
  platform: Platform,
): Promise<ReadText> {
  const read = await readSources(language, texts, settings, platform);
  const documents = withUniqueIds(read.flatMap((part) => part.documents));
  const reports: ReadReport[] = read.flatMap((part) => part.reports);
  if (documents.length === 0) throw withoutText(language.code, reports);
  return { documents, reports };
}
