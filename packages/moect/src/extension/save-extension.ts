import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import type { Extension } from '@moect/core';
import { toDiskTensors } from '@moect/experts';
import type { HostTensor } from '@moect/models';
import { writeFileAtomic, writeJsonAtomic, writeSafetensorsFile } from '@moect/models/node';
import { dispose } from '@moect/tensor';
import {
  EXTENSION_CONFIG_FILE,
  EXTENSION_WEIGHTS_FILE,
  type ExtensionConfigFile,
  type ExtensionInfo,
  MODEL_CARD_FILE,
} from './extension-config.ts';
import { extensionName } from './extension-name.ts';
import { modelCard } from './model-card.ts';

export interface SaveExtensionOptions {
  /** How weights are stored: `f32` (default) keeps every bit, `bf16` halves the size. */
  readonly dtype?: 'f32' | 'bf16';
}

async function hostTensors(extension: Extension): Promise<Map<string, HostTensor>> {
  const tensors = toDiskTensors(extension.parameters);
  try {
    const host = new Map<string, HostTensor>();
    for (const [name, tensor] of tensors) {
      host.set(name, { shape: [...tensor.shape], data: (await tensor.data()) as Float32Array });
    }
    return host;
  } finally {
    dispose(tensors);
  }
}

function describe(extension: Extension, info: ExtensionInfo, dtype: 'f32' | 'bf16'): ExtensionConfigFile {
  const { base, languages, license, combine = 'gate', preset = null, training = null } = info;
  const sizes = [...extension.parameters.values()].map(({ size }) => size);
  return {
    schema: 'moect-extension/1',
    method: extension.method,
    config: extension.config,
    combine,
    preset,
    languages: languages.map(({ code, role }) => ({ code, role })),
    license,
    base: { id: base.id, revision: base.revision, sha256: base.sha256 },
    parameters: sizes.reduce((a, b) => a + b, 0),
    dtype,
    training,
  };
}

/** Puts a finished folder in its place; what was there is gone afterwards, and never half of either is. */
async function replaceFolder(from: string, to: string): Promise<void> {
  const aside = join(dirname(to), `.${basename(to)}-old-${randomUUID()}`);
  const isOccupied = existsSync(to);
  if (isOccupied) await rename(to, aside);
  await rename(from, to);
  if (isOccupied) await rm(aside, { recursive: true, force: true });
}

/**
 * Writes an extension as a folder: `moect_config.json`, `moect_model.safetensors` (one tensor an expert) and a model
 * card. Equal extensions give equal bytes. A folder of that name is replaced as a whole.
 * Throws CorruptDataError for weights that are not finite or too large for `bf16`; nothing is replaced then.
 */
export async function saveExtension(
  folder: string,
  extension: Extension,
  info: ExtensionInfo,
  options: SaveExtensionOptions = {},
): Promise<void> {
  const { dtype = 'f32' } = options;
  const target = resolve(folder);
  const config = describe(extension, info, dtype);
  const weights = await hostTensors(extension);
  const temporary = join(dirname(target), `.${basename(target)}-${randomUUID()}`);
  await mkdir(temporary, { recursive: true });
  try {
    await writeSafetensorsFile(join(temporary, EXTENSION_WEIGHTS_FILE), weights, {
      dtype: dtype === 'bf16' ? 'BF16' : 'F32',
    });
    await writeJsonAtomic(join(temporary, EXTENSION_CONFIG_FILE), config);
    await writeFileAtomic(join(temporary, MODEL_CARD_FILE), modelCard(extensionName(target), config));
    await replaceFolder(temporary, target);
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    throw error;
  }
}
