import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { loadUdhr } from '../../examples/demo/src/udhr.ts';

const demo = path.resolve(import.meta.dirname, '../../examples/demo');

async function english(name: string, documents: number): Promise<string[]> {
  const text = await readFile(path.join(demo, `data/old/eng_Latn.${name}.jsonl`), 'utf8');
  const lines = text.trim().split('\n').slice(0, documents);
  return lines.map((line) => (JSON.parse(line) as { text: string }).text.replaceAll(/\s+/g, ' '));
}

/** Texts of the README's program, a document a line: public-domain text of the demo, enough for some seconds. */
export async function demoTexts(): Promise<Record<string, string[]>> {
  const { train, test } = (await loadUdhr()).find(({ code }) => code === 'swh_Latn')!;
  const textOf = ({ text }: { readonly text: string }): string => text.replaceAll(/\s+/g, ' ');
  return {
    swahili: train.map(textOf),
    english: await english('replay', 12),
    'swahili-test': test.map(textOf),
    'english-test': await english('heldout', 6),
  };
}

/** Writes the texts as files. */
export async function writeTexts(folder: string): Promise<void> {
  for (const [name, documents] of Object.entries(await demoTexts())) {
    await writeFile(path.join(folder, `${name}.txt`), `${documents.join('\n')}\n`);
  }
}
