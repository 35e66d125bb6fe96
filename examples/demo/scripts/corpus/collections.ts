import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { uniMaxAllocation } from '@moect/data';
import { byteLength, groupParagraphs, type TextRecord } from './text.ts';

const documentBytes = { minBytes: 500, maxBytes: 1500 } as const;

/** English and the languages that the demo learns or calls unseen, with Zulu's near kin. */
const keptOutOfSprinkle = new Set(['en', 'sw', 'yo', 'zu', 'xh', 'nr', 'ss']);

/** An order that depends on the texts alone: by a 32-bit FNV-1a hash. */
function scattered(texts: readonly string[]): string[] {
  const keyed = texts.map((text) => {
    let hash = 0x811c9dc5;
    for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
    return { text, key: hash >>> 0 };
  });
  return keyed.sort((a, b) => a.key - b.key || (a.text < b.text ? -1 : 1)).map(({ text }) => text);
}

/**
 * Tatoeba sentences, each once, scattered and grouped into documents of half a kilobyte.
 * Sentences of the tatoeba evaluation set beside the corpus are left out: the two overlap.
 */
export async function tatoebaDocuments(corpus: string): Promise<TextRecord[]> {
  const pairs = (await readFile(join(corpus, 'corpus-tatoeba-en-zh', 'cmn.txt'), 'utf8'))
    .split(/\r?\n/)
    .map((line) => line.split('\t'));
  const evaluation = new Set<string>();
  const folder = join(corpus, 'eval-tatoeba-laser');
  for (const name of await readdir(folder)) {
    if (!/\.(eng|cmn)$/.test(name)) continue;
    for (const line of (await readFile(join(folder, name), 'utf8')).split(/\r?\n/))
      evaluation.add(line.trim());
  }
  const columns = [
    { language: 'eng_Latn', column: 0 },
    { language: 'zho_Hans', column: 1 },
  ] as const;
  return columns.flatMap(({ language, column }) => {
    const sentences = [...new Set(pairs.map((pair) => (pair[column] ?? '').trim()))];
    const kept = sentences.filter((sentence) => sentence !== '' && !evaluation.has(sentence));
    return groupParagraphs(scattered(kept), documentBytes).map((text, i) => ({
      id: `tatoeba/${language}/${i}`,
      text,
      language,
    }));
  });
}

async function stories(file: string, language: string): Promise<TextRecord[]> {
  const lines = (await readFile(file, 'utf8')).split('\n').filter((line) => line !== '');
  return lines.flatMap((line) => {
    const story = JSON.parse(line) as { id: string; pages: string[] };
    const paragraphs = story.pages
      .flatMap((page) => page.split(/\r?\n/))
      .map((paragraph) => paragraph.trim())
      .filter((paragraph) => paragraph !== '');
    return groupParagraphs(paragraphs, documentBytes).map((text, i) => ({
      id: `storybook/${basename(file, '.jsonl')}/${story.id}/${i}`,
      text,
      language,
    }));
  });
}

/** English stories: training text of an old language. */
export function englishStories(corpus: string): Promise<TextRecord[]> {
  return stories(join(corpus, 'corpus-african-storybook', 'en.jsonl'), 'eng_Latn');
}

/**
 * The sprinkle: some text in each of the other languages of African Storybook, shared out by UniMax with one
 * epoch at most, so that the base has seen every byte of a new language. Codes are the source's.
 */
export async function sprinkleDocuments(corpus: string, bytes: number): Promise<TextRecord[]> {
  const folder = join(corpus, 'corpus-african-storybook');
  const codes = (await readdir(folder))
    .filter((name) => name.endsWith('.jsonl'))
    .map((name) => basename(name, '.jsonl'))
    .filter((code) => !keptOutOfSprinkle.has(code))
    .sort();
  const perLanguage = await Promise.all(codes.map((code) => stories(join(folder, `${code}.jsonl`), code)));
  const counts = perLanguage.map((records) => records.reduce((sum, { text }) => sum + byteLength(text), 0));
  const allocation = uniMaxAllocation(counts, bytes, 1);
  return perLanguage.flatMap((records, i) => takeBytes(records, allocation[i]!));
}

function takeBytes(records: readonly TextRecord[], bytes: number): TextRecord[] {
  const taken: TextRecord[] = [];
  let sum = 0;
  for (const record of records) {
    if (sum >= bytes) break;
    sum += byteLength(record.text);
    taken.push(record);
  }
  return taken;
}
