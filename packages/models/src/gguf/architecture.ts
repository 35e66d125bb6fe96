import type { JsonObject } from '@moect/core';
import type { ModelHeader } from './model-header.ts';

/** For each row of a Hugging Face tensor, the row of the GGUF tensor that holds it. */
export type RowOrder = Int32Array;

/** An architecture of llama.cpp as a Hugging Face model: what `convert_hf_to_gguf.py` did, backwards. */
export interface GgufArchitecture {
  /** Keys `<architecture>.*` that are read, besides {@link COMMON_KEYS}. Others are refused: they would change the result. */
  readonly keys: readonly string[];
  /** The model's config.json. Wrong values become problems of `header.fields`. */
  config(header: ModelHeader): JsonObject;
  /** Hugging Face names of modules by GGUF names; `{}` stands for the number of a layer. */
  readonly modules: Readonly<Record<string, string>>;
  /** Absent or null: rows lie as in Hugging Face files. @param module its GGUF name, with `{}` for the layer */
  rowOrder?(module: string, header: ModelHeader): RowOrder | null;
  /** What the converter added to every value of a vector. Absent: nothing. */
  shift?(module: string): number;
}

/** Keys that every architecture has. Those that are not read describe the file, or repeat what tensors say. */
export const COMMON_KEYS = [
  'context_length',
  'embedding_length',
  'block_count',
  'feed_forward_length',
  'attention.head_count',
  'vocab_size',
  'tensor_data_layout',
];

const TOKENS = 'token_embd.weight';

/** The number of tokens: rows of the embedding. */
export function vocabSize({ shape, fields }: ModelHeader): number {
  const rows = shape(TOKENS)?.[0];
  if (rows === undefined) fields.problem(TOKENS, 'is missing');
  return rows ?? 1;
}

/** Whether the head is the table of embeddings: the file has none of its own. */
export const isTied = ({ shape }: ModelHeader): boolean => shape('output.weight') === undefined;

/** The biases of a module exist in the file. @param module a GGUF name of a module of the first layer */
export const hasBias = ({ shape }: ModelHeader, module: string): boolean =>
  shape(`blk.0.${module}.bias`) !== undefined;

/** Settings that would change the result and that no row reads. */
export function checkKeys(known: readonly string[], keys: Iterable<string>, { fields }: ModelHeader): void {
  for (const key of keys) {
    if (!known.includes(key)) fields.problem(key, 'is not known, and may change what the model computes');
  }
}
