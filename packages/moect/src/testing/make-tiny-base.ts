import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Tensor } from '@moect/core';
import { initParameters } from '@moect/models';
import type { HostTensor } from '@moect/safetensors';
import { writeJsonAtomic, writeSafetensorsFile } from '@moect/safetensors/node';
import { createRng, dispose } from '@moect/tensor';

const tinyConfig = {
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  hidden_size: 16,
  intermediate_size: 24,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  num_key_value_heads: 1,
  vocab_size: 258,
  max_position_embeddings: 64,
  rms_norm_eps: 1e-5,
  rope_theta: 10000,
  initializer_range: 0.2,
  hidden_act: 'silu',
  tie_word_embeddings: true,
  bos_token_id: 256,
  eos_token_id: 257,
};

/** GPT-2's printable stand-in for each byte. */
function byteCharacters(): string[] {
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => {
    const isPrintable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
    return String.fromCodePoint(isPrintable ? byte : next++);
  });
}

function tokenizerJson(): object {
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true };
  const vocab = Object.fromEntries(byteCharacters().map((character, id) => [character, id]));
  const special = (id: number, content: string): object => {
    return {
      id,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    };
  };
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: [special(256, '<s>'), special(257, '</s>')],
    normalizer: null,
    pre_tokenizer: byteLevel,
    post_processor: byteLevel,
    decoder: byteLevel,
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: { ...vocab, '<s>': 256, '</s>': 257 },
      merges: [],
    },
  };
}

async function toHost(parameters: ReadonlyMap<string, Tensor>): Promise<Map<string, HostTensor>> {
  const host = new Map<string, HostTensor>();
  for (const [name, tensor] of parameters) {
    host.set(name, { shape: tensor.shape, data: (await tensor.data()) as Float32Array });
  }
  return host;
}

/**
 * Writes a random Llama of 7 k parameters with a tokenizer whose tokens are the 256 bytes, and which puts BOS in front. Needs an active backend.
 * Different seeds give different bases.
 * @param sizes entries of config.json to change
 */
export async function makeTinyBase(
  folder: string,
  seed = 1,
  sizes: Readonly<Record<string, number>> = {},
): Promise<void> {
  await mkdir(folder, { recursive: true });
  const config = { ...tinyConfig, ...sizes };
  const parameters = initParameters(config, createRng(seed));
  await writeJsonAtomic(join(folder, 'config.json'), config);
  await writeSafetensorsFile(join(folder, 'model.safetensors'), await toHost(parameters));
  dispose(parameters);
  await writeJsonAtomic(join(folder, 'tokenizer.json'), tokenizerJson());
  await writeJsonAtomic(join(folder, 'tokenizer_config.json'), {
    tokenizer_class: 'PreTrainedTokenizerFast',
    bos_token: '<s>',
    eos_token: '</s>',
    add_bos_token: true,
  });
}

/** A file of short lines over a small vocabulary: learnable in a few steps. */
export async function makeText(
  file: string,
  words: readonly string[],
  lines: number,
  seed = 1,
): Promise<void> {
  const rng = createRng(seed);
  const line = (i: number): string =>
    `${[...rng.integers(6, words.length)].map((n) => words[n]).join(' ')} ${i}.`;
  await writeFile(file, Array.from({ length: lines }, (_, i) => `${line(i)}\n`).join(''));
}
