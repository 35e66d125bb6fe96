import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { byteLength } from './text.ts';

/** A public-domain book; nothing of `reserved` is ever trained on. */
export interface Book {
  readonly title: string;
  readonly language: 'eng_Latn' | 'zho_Hans';
  readonly body: readonly string[];
  /** The book's tail, from which held-out documents are taken. */
  readonly reserved: readonly string[];
}

const sources = [
  { folder: 'corpus-en-classics', language: 'eng_Latn', reservedBytes: 14_000 },
  { folder: 'corpus-zh-classics', language: 'zho_Hans', reservedBytes: 45_000 },
] as const;

/** A web address that somebody inserted into one of the Chinese novels. */
const insertedAdvertisement = '小^说^无广告的~顶点*小说~网www.shuyaya.com';

/** No letter at all, or the words that end a book. */
const ornament = /^[^\p{L}]*$|^THE END\.?$/u;

/** Latin letters and private-use characters stand where the Chinese source lost a character. */
const damagedChinese = /[A-Za-z\u{E000}-\u{F8FF}\uFFFD]|&nbsp|bsp;/u;

function paragraphsOf(text: string, language: string): string[] {
  return text
    .replaceAll(insertedAdvertisement, '')
    .split(/\r?\n/)
    .map((line) => line.replace(/[\s\u3000]+/gu, ' ').trim())
    .filter((line) => line !== '' && !ornament.test(line))
    .filter((line) => language !== 'zho_Hans' || !damagedChinese.test(line));
}

/** The tail holds at least `bytes`, unless the book is shorter. */
function cutTail(paragraphs: readonly string[], bytes: number): [body: string[], tail: string[]] {
  let held = 0;
  let cut = paragraphs.length;
  while (cut > 0 && held < bytes) {
    cut--;
    held += byteLength(paragraphs[cut]!);
  }
  return [paragraphs.slice(0, cut), paragraphs.slice(cut)];
}

/** The English and Chinese classics under a corpus folder, in order of language and file name. */
export async function readBooks(corpus: string): Promise<Book[]> {
  const books: Book[] = [];
  for (const { folder, language, reservedBytes } of sources) {
    const names = (await readdir(join(corpus, folder))).filter((name) => name.endsWith('.txt')).sort();
    for (const name of names) {
      const text = await readFile(join(corpus, folder, name), 'utf8');
      const [body, reserved] = cutTail(paragraphsOf(text, language), reservedBytes);
      books.push({ title: basename(name, '.txt'), language, body, reserved });
    }
  }
  return books;
}
