/**
 * Builds the text that the demo's base is pretrained on.
 * node --conditions=@moect/source --import tsx examples/demo/scripts/prepare-corpus.ts --corpus DIR --out DIR
 *
 * Reads corpus-en-classics, corpus-zh-classics, corpus-tatoeba-en-zh, eval-tatoeba-laser and
 * corpus-african-storybook under --corpus; writes eng_Latn.jsonl, zho_Hans.jsonl, sprinkle.jsonl and
 * report.json. The shipped held-out and replay documents are in none of them.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { readBooks } from './corpus/books.ts';
import { englishStories, sprinkleDocuments, tatoebaDocuments } from './corpus/collections.ts';
import { shinglesOf, trainingDocuments } from './corpus/excerpts.ts';
import { oldLanguages, readRecords, shippedFolder, writeRecords } from './corpus/layout.ts';
import { byteLength, type TextRecord } from './corpus/text.ts';

const { values } = parseArgs({
  options: {
    corpus: { type: 'string' },
    out: { type: 'string' },
    'sprinkle-bytes': { type: 'string', default: '615000' },
  },
});
if (values.corpus === undefined || values.out === undefined) {
  throw new Error(
    '--corpus DIR (where the texts are) and --out DIR (where the corpus goes) are both needed.',
  );
}
const { corpus, out } = { corpus: values.corpus, out: values.out };

const shipped = async (kind: 'heldout' | 'replay'): Promise<TextRecord[]> =>
  (
    await Promise.all(oldLanguages.map((code) => readRecords(join(shippedFolder, `${code}.${kind}.jsonl`))))
  ).flat();

/** Removes exact duplicates, and texts that share 50 bytes with held-out text. */
function select(records: readonly TextRecord[], isForbidden: (text: string) => boolean) {
  const seen = new Set<string>();
  const kept: TextRecord[] = [];
  let duplicates = 0;
  let forbidden = 0;
  for (const record of records) {
    if (seen.has(record.text)) duplicates++;
    else if (isForbidden(record.text)) forbidden++;
    else kept.push(record);
    seen.add(record.text);
  }
  return { kept, duplicates, forbidden };
}

const heldOut = shinglesOf(await shipped('heldout'));
const replay = new Set((await shipped('replay')).map(({ text }) => text));
const books = trainingDocuments(await readBooks(corpus), heldOut);
const old = [...books.documents, ...(await tatoebaDocuments(corpus)), ...(await englishStories(corpus))];
const files = [
  ...oldLanguages.map((code) => ({ name: code, records: old.filter(({ language }) => language === code) })),
  { name: 'sprinkle', records: await sprinkleDocuments(corpus, Number(values['sprinkle-bytes'])) },
];

await mkdir(out, { recursive: true });
const report: Record<string, unknown> = { droppedBookParagraphs: books.droppedParagraphs };
for (const { name, records } of files) {
  const { kept, duplicates, forbidden } = select(records, (text) => replay.has(text) || heldOut.shares(text));
  const bytesByLanguage: Record<string, number> = {};
  for (const { text, language } of kept) {
    bytesByLanguage[language] = (bytesByLanguage[language] ?? 0) + byteLength(text);
  }
  const bytes = Object.values(bytesByLanguage).reduce((sum, n) => sum + n, 0);
  await writeRecords(join(out, `${name}.jsonl`), kept);
  report[name] = { documents: kept.length, bytes, duplicates, heldOutOrReplay: forbidden, bytesByLanguage };
  console.log(
    `${name}: ${kept.length} documents, ${bytes} bytes, ${Object.keys(bytesByLanguage).length} languages; ` +
      `left out ${duplicates} duplicates, ${forbidden} held-out or replay`,
  );
}
await writeFile(join(out, 'report.json'), `${JSON.stringify(report, null, 2)}\n`);
