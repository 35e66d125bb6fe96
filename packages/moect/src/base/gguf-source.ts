import { CorruptDataError } from '@moect/core';
import { sha256Hex } from '@moect/freeze';
import { loadModel, readGgufModel } from '@moect/models';
import { type ByteSource, readGguf } from '@moect/safetensors';
import type { BaseSource } from './base-source.ts';

/**
 * A base in one GGUF file. Its tokenizer is identified by the tokenizer.json that is made of the file's metadata.
 * Throws CorruptDataError, InvalidConfigError.
 */
export async function ggufSource(bytes: ByteSource): Promise<BaseSource> {
  const { files, weights } = await readGgufModel(await readGguf(bytes));
  if (files.tokenizer === undefined) {
    throw new CorruptDataError(
      bytes.name,
      'has no tokenizer in its metadata',
      "Take a file that was made by llama.cpp's convert_hf_to_gguf.py.",
    );
  }
  return {
    tokenizerSha256: await sha256Hex(JSON.stringify(files.tokenizer)),
    load: (options) => loadModel(files, weights, options),
  };
}
