import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { type TextRecord, toJsonl } from './text.ts';

/** The demo's shipped text. */
export const shippedFolder: string = fileURLToPath(new URL('../../data/old/', import.meta.url));

/** Languages of the base. */
export const oldLanguages = ['eng_Latn', 'zho_Hans'] as const;

export async function readRecords(file: string): Promise<TextRecord[]> {
  const text = await readFile(file, 'utf8');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as TextRecord);
}

export async function writeRecords(file: string, records: readonly TextRecord[]): Promise<void> {
  await writeFile(file, toJsonl(records));
}
