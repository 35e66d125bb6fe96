import type { TextSettings } from '../training/text-settings.ts';
import type { UsedPack } from './scorers.ts';

/** How text to be scored is read, as far as it was said. */
export type ScoredText = Partial<TextSettings>;

type NamedPack = Pick<UsedPack, 'name' | 'info'>;

/** Extensions of before it was recorded were trained on text as it stood. */
const normalizationOf = ({ info }: NamedPack): TextSettings['normalization'] =>
  info.text?.normalization ?? 'none';

const different = <T>(values: readonly T[]): T[] => [...new Set(values)];

/** The packs' Unicode form; of two the composed one, in which equal text is equal. NFC for the base alone. */
export function normalizationForPacks(packs: readonly NamedPack[]): TextSettings['normalization'] {
  return packs.length === 0 || packs.some((pack) => normalizationOf(pack) === 'NFC') ? 'NFC' : 'none';
}

/**
 * Settings of text for packs: what is given, then what the packs record, then the defaults of training. A record's text
 * is looked for in the packs' field and in `text`, as held-out text has it.
 */
export function textForPacks(
  packs: readonly NamedPack[],
  given: ScoredText = {},
): { readonly settings: TextSettings; readonly notes: readonly string[] } {
  const records = packs.map(({ info }) => info.text);
  const formats = different(records.map((record) => record?.format));
  const fields = records.flatMap((record) => record?.textField ?? []);
  const settings: TextSettings = {
    format: given.format ?? (formats.length === 1 ? formats[0] : undefined),
    textField: given.textField ?? different([...fields, 'text']),
    invalidUtf8: given.invalidUtf8 ?? 'error',
    normalization: given.normalization ?? normalizationForPacks(packs),
  };
  const others = packs.filter((pack) => normalizationOf(pack) !== settings.normalization);
  const notes = others.map(
    (pack) =>
      `'${pack.name}' was trained on text with Unicode normalisation ${normalizationOf(pack)}, this text is read with ${settings.normalization}`,
  );
  return { settings, notes };
}
