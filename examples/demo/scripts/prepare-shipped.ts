/**
 * Writes the excerpts of public-domain books that the demo ships: held-out documents and replay.
 * node --conditions=@moect/source --import tsx examples/demo/scripts/prepare-shipped.ts --corpus DIR
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { readBooks } from './corpus/books.ts';
import { heldOutDocuments, replayDocuments, shinglesOf, trainingDocuments } from './corpus/excerpts.ts';
import { oldLanguages, shippedFolder, writeRecords } from './corpus/layout.ts';
import { byteLength, type TextRecord } from './corpus/text.ts';

const { values } = parseArgs({ options: { corpus: { type: 'string' }, out: { type: 'string' } } });
if (values.corpus === undefined)
  throw new Error('--corpus DIR is missing: the folder with corpus-en-classics.');
const out = values.out ?? shippedFolder;

const sum = (records: readonly TextRecord[]): number =>
  records.reduce((bytes, { text }) => bytes + byteLength(text), 0);

const books = await readBooks(values.corpus);
for (const language of oldLanguages) {
  const own = books.filter((book) => book.language === language);
  const heldOut = heldOutDocuments(own, 40);
  const { documents, droppedParagraphs } = trainingDocuments(own, shinglesOf(heldOut));
  const replay = replayDocuments(documents, 120_000);
  await writeRecords(join(out, `${language}.heldout.jsonl`), heldOut);
  await writeRecords(join(out, `${language}.replay.jsonl`), replay);
  console.log(
    `${language}: held-out ${heldOut.length} documents, ${sum(heldOut)} bytes; replay ${replay.length} documents, ` +
      `${sum(replay)} bytes; ${droppedParagraphs} paragraphs share 50 bytes with held-out text and are never trained on`,
  );
}
