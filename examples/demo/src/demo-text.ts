import { readFile } from 'node:fs/promises';
import type { Document } from '@moect/core';
import { loadUdhr, type UdhrLanguage } from './udhr.ts';

export interface OldLanguage {
  readonly code: string;
  readonly role: 'old';
  /** Documents that the base was never trained on. */
  readonly heldOut: readonly Document[];
  readonly replay: readonly Document[];
}

export interface DemoText {
  readonly old: readonly OldLanguage[];
  readonly new: readonly UdhrLanguage[];
  readonly unseen: readonly UdhrLanguage[];
}

async function readJsonl(name: string): Promise<Document[]> {
  const text = await readFile(new URL(`../data/old/${name}.jsonl`, import.meta.url), 'utf8');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Document);
}

/** All text of the demo: shipped excerpts in the old languages, the package `udhr` for the others. */
export async function readDemoText(): Promise<DemoText> {
  const old: OldLanguage[] = [];
  for (const code of ['eng_Latn', 'zho_Hans']) {
    const [heldOut, replay] = [await readJsonl(`${code}.heldout`), await readJsonl(`${code}.replay`)];
    old.push({ code, role: 'old', heldOut, replay });
  }
  const others = await loadUdhr();
  return {
    old,
    new: others.filter(({ role }) => role === 'new'),
    unseen: others.filter(({ role }) => role === 'unseen'),
  };
}

/**
 * Documents to measure on. `test`: held-out old text, test articles, and all articles of the languages never trained on.
 * `dev`: the development articles alone, for choosing learning rates.
 */
export function measuredDocuments(text: DemoText, on: 'test' | 'dev'): Document[] {
  if (on === 'dev') return text.new.flatMap(({ dev }) => dev);
  return [
    ...text.old.flatMap(({ heldOut }) => heldOut),
    ...text.new.flatMap(({ test }) => test),
    ...text.unseen.flatMap(({ train, dev, test }) => [...train, ...dev, ...test]),
  ];
}
