import type { JsonObject } from '@moect/core';
import type { GgufFile } from '@moect/safetensors';
import type { HuggingFaceFiles } from '../hf/load-model.ts';
import type { WeightStore } from '../hf/weight-store.ts';
import { COMMON_KEYS, checkKeys, type GgufArchitecture } from './architecture.ts';
import { GGUF_ARCHITECTURES } from './architectures.ts';
import { type GgufTensor, ggufStore } from './gguf-store.ts';
import { type ModelHeader, readModelHeader } from './model-header.ts';
import { readGgufTokenizer } from './tokenizer.ts';

/** A GGUF file as the contents of a Hugging Face folder. */
export interface GgufModel {
  readonly files: HuggingFaceFiles;
  readonly weights: WeightStore;
}

/** Tensors that are read into the configuration, or that every program computes itself. */
const NOT_WEIGHTS = /^(rope_freqs|blk\.\d+\.attn_rot_embd)\.weight$/;

/** Hugging Face's name of a tensor; a tensor of no known module keeps its own, and loading refuses it. */
function tensorOf(name: string, architecture: GgufArchitecture, header: ModelHeader): [string, GgufTensor] {
  const [, module = name, kind = ''] = /^(.*)\.(weight|bias)$/.exec(name) ?? [];
  const layer = /^blk\.(\d+)\./.exec(module)?.[1];
  const pattern = layer === undefined ? module : module.replace(`blk.${layer}.`, 'blk.{}.');
  const known = Object.hasOwn(architecture.modules, pattern) ? architecture.modules[pattern] : undefined;
  if (known === undefined) return [name, { name, rowOrder: null, shift: 0 }];
  const rowOrder = architecture.rowOrder?.(pattern, header) ?? null;
  const shift = architecture.shift?.(pattern) ?? 0;
  return [`${known.replace('{}', layer ?? '')}.${kind}`, { name, rowOrder, shift }];
}

function checkedArchitecture(header: ModelHeader, file: GgufFile): GgufArchitecture {
  const { architecture, fields } = header;
  const known = Object.hasOwn(GGUF_ARCHITECTURES, architecture)
    ? GGUF_ARCHITECTURES[architecture]
    : undefined;
  if (known === undefined) {
    const names = Object.keys(GGUF_ARCHITECTURES).join(', ');
    fields.problem('general.architecture', `is '${architecture}', read are ${names}`);
    fields.finish('A Hugging Face folder of this model can be read by a family of your own.');
  }
  const prefix = `${architecture}.`;
  const own = [...file.metadata.keys()].filter((key) => key.startsWith(prefix));
  checkKeys(
    [...COMMON_KEYS, ...known!.keys],
    own.map((key) => key.slice(prefix.length)),
    header,
  );
  if (!fields.flag('attention.causal', true)) fields.problem('attention.causal', 'is false, must be true');
  return known!;
}

/**
 * Reads what a GGUF file says of its model: configuration, tokenizer, and its tensors under Hugging Face's names with
 * llama.cpp's reordering of rows undone. Weights are read when they are asked for; `loadModel` makes the model.
 * Throws InvalidConfigError for architectures, settings and tokenizers that are not known, with every problem at once.
 */
export async function readGgufModel(file: GgufFile): Promise<GgufModel> {
  const header = await readModelHeader(file);
  const architecture = checkedArchitecture(header, file);
  const tokens = readGgufTokenizer(file);
  const config: JsonObject = architecture.config(header);
  header.fields.finish();
  const names = [...file.entries.keys()].filter((name) => !NOT_WEIGHTS.test(name));
  const tensors = new Map(names.map((name) => tensorOf(name, architecture, header)));
  header.fields.finish();
  return { files: { config, ...tokens }, weights: ggufStore(file, tensors) };
}
