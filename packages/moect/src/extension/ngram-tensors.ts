import { CorruptDataError } from '@moect/core';
import { checkNgramTable, type NgramTable } from '@moect/experts';
import type { HostTensor, SafetensorsFile } from '@moect/safetensors';

const FIELDS = [
  'parents',
  'tokens',
  'starts',
  'next',
  'counts',
] as const satisfies readonly (keyof NgramTable)[];

const nameOf = (field: keyof NgramTable): string => `ngrams.${field}`;

/** Whether a tensor of a pack's file belongs to its n-grams. */
export const isOfNgrams = (name: string): boolean => FIELDS.some((field) => name === nameOf(field));

/** The table as tensors of a pack's file. */
export const ngramTensors = (table: NgramTable): [string, HostTensor][] =>
  FIELDS.map((field) => [nameOf(field), { shape: [table[field].length], data: table[field] }]);

/** Reads the table of a pack's file; null where it has none. Throws CorruptDataError. */
export async function readNgrams(
  file: SafetensorsFile,
  vocabSize: number,
  source: string,
): Promise<NgramTable | null> {
  const there = FIELDS.filter((field) => file.entries.has(nameOf(field)));
  if (there.length === 0) return null;
  const table = {} as Record<keyof NgramTable, Int32Array>;
  for (const field of FIELDS) {
    const name = nameOf(field);
    const data = there.includes(field) ? (await file.tensor(name)).data : null;
    if (!(data instanceof Int32Array)) {
      const message =
        data === null ? `has ${there.map(nameOf).join(', ')}, but no ${name}` : `${name} is not I32`;
      throw new CorruptDataError(source, message, 'Take the file as moect wrote it.');
    }
    table[field] = data;
  }
  checkNgramTable(table, vocabSize, source);
  return table;
}
