import { InvalidConfigError, type Json, type JsonObject } from '@moect/core';
import type { GgufFile, GgufMetadata } from '@moect/safetensors';
import { type FieldReader, fieldReader } from '../hf/json-fields.ts';

/** Kinds of tokens, `enum llama_token_type` of llama.cpp. */
export const TOKEN = { normal: 1, unknown: 2, control: 3, defined: 4, unused: 5, byte: 6 } as const;

/** What a GGUF file says of its tokens. */
export interface Vocabulary {
  /** `tokenizer.ggml.model`: `gpt2` is byte-level BPE, `llama` is SentencePiece. */
  readonly model: string;
  readonly texts: readonly string[];
  /** Values of {@link TOKEN}, one for each token. */
  readonly types: readonly number[];
  readonly fields: FieldReader;
  /** A value of `tokenizer.*`; undefined where there is none. */
  value(key: string): Json | undefined;
  /** The token of `tokenizer.ggml.<name>_token_id`; null where there is none. */
  id(name: string): number | null;
}

function list<T extends string | number>(
  metadata: GgufMetadata,
  key: string,
  kind: 'string' | 'number',
  fields: FieldReader,
): readonly T[] | undefined {
  const value = metadata.get(key);
  if (value === undefined) return undefined;
  if (Array.isArray(value) && value.every((item) => typeof item === kind)) return value as T[];
  fields.problem(key, `must be a list of ${kind}s`);
  return undefined;
}

/** The texts of a list in the header, or undefined where there is none. */
export const textsOf = (metadata: GgufMetadata, key: string, fields: FieldReader) =>
  list<string>(metadata, key, 'string', fields);

/** The numbers of a list in the header, or undefined where there is none. */
export const numbersOf = (metadata: GgufMetadata, key: string, fields: FieldReader) =>
  list<number>(metadata, key, 'number', fields);

/** The vocabulary of a file; null where it has none. Throws InvalidConfigError. */
export function readVocabulary({ name, metadata }: GgufFile): Vocabulary | null {
  const model = metadata.get('tokenizer.ggml.model');
  if (model === undefined || model === 'none') return null;
  const json = Object.fromEntries(metadata) as JsonObject;
  const fields = fieldReader(json, name);
  const texts = textsOf(metadata, 'tokenizer.ggml.tokens', fields) ?? [];
  if (texts.length === 0) fields.problem('tokenizer.ggml.tokens', 'is missing');
  const types = numbersOf(metadata, 'tokenizer.ggml.token_type', fields) ?? texts.map(() => TOKEN.normal);
  if (types.length !== texts.length) {
    fields.problem('tokenizer.ggml.token_type', `has ${types.length} values for ${texts.length} tokens`);
  }
  fields.finish();
  const id = (key: string): number | null => {
    const path = `tokenizer.ggml.${key}_token_id`;
    if (json[path] == null) return null;
    const value = fields.count(path, undefined, 0);
    if (value < texts.length) return value;
    throw new InvalidConfigError(name, [{ path, message: `is ${value}, there are ${texts.length} tokens` }]);
  };
  return { model: String(model), texts, types, fields, value: (key) => json[`tokenizer.${key}`], id };
}
