import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import {
  BaseMismatchError,
  CorruptDataError,
  type Extension,
  InvalidConfigError,
  type ParamPath,
  type Tensor,
} from '@moect/core';
import { fromDiskTensors, loadParameters } from '@moect/experts';
import { openSafetensors, readJsonFile } from '@moect/safetensors/node';
import { createRng, dispose, tensor } from '@moect/tensor';
import type { LoadedBase } from '../base/describe-base.ts';
import { defaultMoect, type Moect } from '../presets/registry.ts';
import {
  EXTENSION_CONFIG_FILE,
  EXTENSION_WEIGHTS_FILE,
  type ExtensionConfigFile,
  parseExtensionConfig,
} from './extension-config.ts';
import { extensionName } from './extension-name.ts';

export interface LoadedExtension {
  /** The folder's name; that of the run where the folder is `RUN/extension`. */
  readonly name: string;
  readonly extension: Extension;
  /** `moect_config.json` */
  readonly info: ExtensionConfigFile;
}

/** Reads and checks an extension's `moect_config.json`. Throws CorruptDataError. */
export async function readExtensionConfig(folder: string): Promise<ExtensionConfigFile> {
  const path = join(resolve(folder), EXTENSION_CONFIG_FILE);
  if (!existsSync(path)) {
    throw new CorruptDataError(
      folder,
      `has no ${EXTENSION_CONFIG_FILE}`,
      'Give the folder of an extension; `moect train` writes it to OUTPUT/extension.',
    );
  }
  return parseExtensionConfig(await readJsonFile(path), path);
}

async function readWeights(path: string): Promise<Map<ParamPath, Tensor>> {
  const file = await openSafetensors(path);
  const tensors = new Map<ParamPath, Tensor>();
  try {
    for (const name of file.entries.keys()) {
      const { data, shape } = await file.tensor(name);
      tensors.set(name, tensor(data, shape));
    }
    return tensors;
  } catch (error) {
    dispose(tensors);
    throw error;
  } finally {
    await file.close();
  }
}

function attach(base: LoadedBase, info: ExtensionConfigFile, folder: string, moect: Moect): Extension {
  try {
    return moect.method(info.method).attach(base.model, info.config, createRng(0));
  } catch (error) {
    if (!(error instanceof InvalidConfigError)) throw error;
    throw new InvalidConfigError(join(folder, EXTENSION_CONFIG_FILE), error.problems, error.hint);
  }
}

/**
 * Loads an extension for the base it was made for. Every tensor of the folder must be used and every parameter found.
 * Throws BaseMismatchError, CorruptDataError, NoMatchingParameterError, ShapeMismatchError, NoSuchComponentError (a
 * method or component that `moect` does not know) and InvalidConfigError.
 */
export async function loadExtension(
  folder: string,
  base: LoadedBase,
  moect: Moect = defaultMoect,
): Promise<LoadedExtension> {
  const info = await readExtensionConfig(folder);
  if (info.base.sha256 !== base.identity.sha256) {
    throw new BaseMismatchError(info.base.id, info.base.sha256, base.identity.sha256);
  }
  const extension = attach(base, info, folder, moect);
  try {
    const onDisk = await readWeights(join(resolve(folder), EXTENSION_WEIGHTS_FILE));
    try {
      const stacked = fromDiskTensors(onDisk);
      try {
        loadParameters(extension, stacked);
      } finally {
        dispose(stacked);
      }
    } finally {
      dispose(onDisk);
    }
    return { name: extensionName(folder), extension, info };
  } catch (error) {
    extension.dispose();
    throw error;
  }
}
