import type { Book } from './books.ts';
import { ShingleIndex } from './shingles.ts';
import { byteLength, groupParagraphs, type TextRecord } from './text.ts';

const heldOutBytes = { minBytes: 700, maxBytes: 1000 } as const;
const trainingBytes = { minBytes: 800, maxBytes: 1500 } as const;

/** Several question marks in a row: characters that the source lost. */
const lostCharacters = /[?？]{2,}/u;

/** `count` of the items at even distances. */
function evenly<T>(items: readonly T[], count: number): T[] {
  if (count >= items.length) return [...items];
  return Array.from({ length: count }, (_, i) => items[Math.floor(((i + 0.5) * items.length) / count)]!);
}

function heldOutOf(book: Book, count: number): TextRecord[] {
  const candidates = groupParagraphs(book.reserved, heldOutBytes)
    .map((text, i) => ({ id: `${book.title}/reserved/${i}`, text, language: book.language }))
    .filter(({ text }) => !lostCharacters.test(text))
    .filter(({ text }) => {
      const bytes = byteLength(text);
      return bytes >= heldOutBytes.minBytes && bytes <= heldOutBytes.maxBytes;
    });
  return evenly(candidates, count);
}

/** Documents of 700 to 1,000 bytes from the reserved tails, spread over a language's books. */
export function heldOutDocuments(books: readonly Book[], count: number): TextRecord[] {
  return books.flatMap((book, i) => {
    const before = Math.floor((i * count) / books.length);
    const after = Math.floor(((i + 1) * count) / books.length);
    return heldOutOf(book, after - before);
  });
}

/** An index of every run of 50 bytes in the records. */
export function shinglesOf(records: readonly TextRecord[]): ShingleIndex {
  const index = new ShingleIndex();
  for (const { text } of records) index.add(text);
  return index;
}

/** The book bodies as documents; paragraphs that share 50 bytes with a held-out document are left out. */
export function trainingDocuments(
  books: readonly Book[],
  heldOut: ShingleIndex,
): { documents: TextRecord[]; droppedParagraphs: number } {
  let droppedParagraphs = 0;
  const documents = books.flatMap((book) => {
    const kept = book.body.filter((paragraph) => !heldOut.shares(paragraph));
    droppedParagraphs += book.body.length - kept.length;
    return (
      groupParagraphs(kept, trainingBytes)
        .map((text, i) => ({ id: `${book.title}/${i}`, text, language: book.language }))
        // a held-out run may also arise where two paragraphs meet
        .filter(({ text }) => !heldOut.shares(text))
    );
  });
  return { documents, droppedParagraphs };
}

/** Documents at even distances through all of them, `bytes` in sum (one document more or less). */
export function replayDocuments(documents: readonly TextRecord[], bytes: number): TextRecord[] {
  const usable = documents.filter(({ text }) => !lostCharacters.test(text));
  const total = usable.reduce((sum, { text }) => sum + byteLength(text), 0);
  return evenly(usable, Math.round((usable.length * bytes) / total));
}
