import { randomUUID } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { InvalidConfigError, type JsonObject } from '@moect/core';
import { familyOf, type HuggingFaceFiles, readGgufModel } from '@moect/models';
import type { HostTensor } from '@moect/safetensors';
import {
  openGguf,
  removeFolder,
  replaceFolder,
  writeJsonAtomic,
  writeSafetensorsFile,
} from '@moect/safetensors/node';

/** config.json, with what transformers does not read from other files. Throws InvalidConfigError. */
function configOf({ config, generationConfig }: HuggingFaceFiles, file: string): JsonObject {
  const family = familyOf(config);
  if (family.name !== 'llama') {
    // folders of GPT-2 hold its matrices transposed
    const message = `is of the family ${family.name}; only relatives of Llama are written`;
    throw new InvalidConfigError(file, [{ path: 'general.architecture', message }]);
  }
  const { architecture } = family.parse(config, 'config.json');
  return { model_type: architecture, ...config, ...generationConfig, dtype: 'bfloat16' };
}

/** The files beside the weights, by name. */
function filesOf(files: HuggingFaceFiles, file: string): Record<string, JsonObject | undefined> {
  return {
    'config.json': configOf(files, file),
    'generation_config.json': files.generationConfig,
    'tokenizer.json': files.tokenizer,
    // tokenizer.json as it is; without this transformers 4 takes the class of the model's type, which changes it
    'tokenizer_config.json': files.tokenizerConfig && {
      tokenizer_class: 'PreTrainedTokenizerFast',
      ...files.tokenizerConfig,
    },
  };
}

/**
 * Writes a GGUF file as a Hugging Face folder: its weights in bfloat16, its settings and its tokenizer. What lay at `folder`
 * is replaced once the new one is complete. Holds all weights in memory, as float32.
 * Throws InvalidConfigError, CorruptDataError.
 */
export async function ggufToFolder(file: string, folder: string): Promise<void> {
  const gguf = await openGguf(file);
  const made = join(dirname(folder), `.${basename(folder)}-${randomUUID()}`);
  try {
    const { files, weights } = await readGgufModel(gguf);
    const jsons = filesOf(files, gguf.name);
    const tensors: [string, HostTensor][] = [];
    for (const name of weights.shapes.keys()) tensors.push([name, await weights.tensor(name)]);
    await mkdir(made, { recursive: true });
    await writeSafetensorsFile(join(made, 'model.safetensors'), tensors, { dtype: 'BF16' });
    for (const [name, json] of Object.entries(jsons))
      if (json !== undefined) await writeJsonAtomic(join(made, name), json);
    await replaceFolder(made, folder);
  } finally {
    await gguf.close();
    await removeFolder(made);
  }
}
