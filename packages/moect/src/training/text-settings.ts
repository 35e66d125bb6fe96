import type { Normalization, ReadOptions, TextFormat } from '@moect/data';
import type { CheckedSettings } from '../config/schema.ts';

/** How text is read. */
export interface TextSettings {
  /** What a document of plain text is. Default: a line. */
  readonly format?: TextFormat | undefined;
  /** JSONL field with the text; of several the first that a record has. */
  readonly textField: string | readonly string[];
  readonly invalidUtf8: NonNullable<ReadOptions['invalidUtf8']>;
  readonly normalization: Normalization;
}

/** The settings of a run that say how its text is read. */
export function textSettings(data: CheckedSettings['data']): TextSettings {
  const { format, textField, invalidUtf8, normalization } = data;
  return { format, textField, invalidUtf8, normalization };
}

/** The part of them that an extension records, so that it is measured on text read alike. */
export interface RecordedText {
  readonly normalization: Normalization;
  readonly textField: string;
  readonly format?: TextFormat | undefined;
}

export function recordedText({ normalization, textField, format }: CheckedSettings['data']): RecordedText {
  return { normalization, textField, ...(format !== undefined && { format }) };
}
