import { createHash } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { type Document, InvalidConfigError } from '@moect/core';
import { collectDocuments } from '@moect/data';
import { fileCorpus } from '@moect/data/node';
import { writeFileAtomic } from '@moect/safetensors/node';
import { toJsonl } from '../../scripts/corpus/text.ts';
import { readDemoText } from '../demo-text.ts';
import type { LanguageFiles, RealLanguage } from './language.ts';
import type { FileOption } from './options.ts';
import { swahiliText } from './swahili-text.ts';

/** Every tenth document is held out, as long as there are fewer than these bytes of them: more only takes longer. */
const HELD_OUT_EVERY = 10;
const HELD_OUT_BYTES = 48_000;

/** Splits documents of the user's own: the same way each time, so that a second start finds the same text. */
export function splitDocuments(documents: readonly Document[]): Pick<RealLanguage, 'train' | 'heldOut'> {
  const train: Document[] = [];
  const heldOut: Document[] = [];
  let bytes = 0;
  for (const [i, document] of documents.entries()) {
    const isHeldOut = i % HELD_OUT_EVERY === HELD_OUT_EVERY - 1 && bytes < HELD_OUT_BYTES;
    (isHeldOut ? heldOut : train).push(document);
    if (isHeldOut) bytes += Buffer.byteLength(document.text);
  }
  return { train, heldOut };
}

async function ownText({ code, file }: FileOption, role: 'new' | 'old'): Promise<RealLanguage> {
  const documents = await collectDocuments(fileCorpus({ language: code, role, files: [file] }).documents());
  if (documents.length < HELD_OUT_EVERY) {
    const message = `has ${documents.length} documents, and every tenth is held out; it needs ${HELD_OUT_EVERY} at least`;
    throw new InvalidConfigError(`Text of ${code}`, [{ path: file, message }], 'A line is a document.');
  }
  return { code, role, ...splitDocuments(documents), source: path.basename(file) };
}

async function english(): Promise<RealLanguage> {
  const { old } = await readDemoText();
  const { code, role, heldOut, replay } = old.find((language) => language.code === 'eng_Latn')!;
  return { code, role, train: replay, heldOut, source: 'novels, public domain' };
}

/** Swahili and English, or the user's own in place of either. `getSwahili` gives the folder of the fetched messages. */
export async function readText(
  own: { readonly text?: FileOption | undefined; readonly replay?: FileOption | undefined },
  getSwahili: () => Promise<string>,
): Promise<RealLanguage[]> {
  return [
    own.text === undefined ? await swahiliText(await getSwahili()) : await ownText(own.text, 'new'),
    own.replay === undefined ? await english() : await ownText(own.replay, 'old'),
  ];
}

/** SHA-256 of all text and its split. */
export function digestText(languages: readonly RealLanguage[]): string {
  const hash = createHash('sha256');
  for (const { code, role, train, heldOut } of languages) {
    hash.update(JSON.stringify([code, role, train.map(({ text }) => text), heldOut.map(({ text }) => text)]));
  }
  return hash.digest('hex');
}

/** Writes the text as files of records. */
export async function writeText(
  languages: readonly RealLanguage[],
  folder: string,
): Promise<LanguageFiles[]> {
  await mkdir(folder, { recursive: true });
  const write = async (name: string, documents: readonly Document[], language: string): Promise<string> => {
    const file = path.join(folder, name);
    await writeFileAtomic(file, toJsonl(documents.map(({ id, text }) => ({ id, text, language }))));
    return file;
  };
  const files: LanguageFiles[] = [];
  for (const { code, role, train, heldOut } of languages) {
    const trainFile = await write(`${code}.train.jsonl`, train, code);
    files.push({
      code,
      role,
      train: trainFile,
      heldOut: await write(`${code}.held-out.jsonl`, heldOut, code),
    });
  }
  return files;
}
