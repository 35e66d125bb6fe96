import { type Extension, InvalidConfigError, type TokenMemory } from '@moect/core';
import { type NgramTable, ngramMemory, toDiskTensors } from '@moect/experts';
import { type HostTensor, safetensorsPieces } from '@moect/safetensors';
import { dispose } from '@moect/tensor';
import type { Base } from '../base/base.ts';
import { checkOptions } from '../front-door-checks.ts';
import {
  EXTENSION_CONFIG_FILE,
  EXTENSION_WEIGHTS_FILE,
  type ExtensionConfigFile,
  MODEL_CARD_FILE,
} from './extension-config.ts';
import { extensionName } from './extension-name.ts';
import { modelCard } from './model-card.ts';
import { ngramTensors } from './ngram-tensors.ts';

export interface SavePackOptions {
  /** Storage of weights: `f32` keeps every bit, `bf16` halves the size. Default: that of `info`. */
  readonly dtype?: 'f32' | 'bf16';
  /** SPDX name, for the model card. Default: that of `info`. */
  readonly license?: string;
}

/** An extension of a base in its saved and shared form: the result of `train` and `openPack`. */
export interface Pack {
  /** Name of the folder; of the run if the folder is `RUN/extension`; of the preset before saving. */
  readonly name: string;
  readonly extension: Extension;
  /** What it remembers of its text beside the extension; null: nothing. */
  readonly memory: TokenMemory | null;
  /** `moect_config.json` */
  readonly info: ExtensionConfigFile;
  /**
   * The files of the pack's folder, by name: `moect_config.json`, `moect_model.safetensors` (one tensor an expert) and a
   * model card. Equal packs give equal bytes. Weights are encoded once, while their pieces are read; this throws
   * CorruptDataError for weights that are not finite or too large for `bf16`.
   */
  files(options?: SavePackOptions): Promise<ReadonlyMap<string, Iterable<Uint8Array>>>;
  /**
   * Writes these files as a folder and replaces any folder of that name as a whole. Gives its absolute path.
   * Throws CorruptDataError and then replaces nothing. Throws InvalidConfigError in a browser, which has no folders.
   */
  save(folder: string, options?: SavePackOptions): Promise<string>;
  /** Frees the weights. */
  dispose(): void;
}

async function hostTensors(
  extension: Extension,
  ngrams: NgramTable | null,
): Promise<Map<string, HostTensor>> {
  const tensors = toDiskTensors(extension.parameters);
  try {
    const host = new Map<string, HostTensor>(ngrams === null ? [] : ngramTensors(ngrams));
    for (const [name, tensor] of tensors) {
      host.set(name, { shape: [...tensor.shape], data: (await tensor.data()) as Float32Array });
    }
    return host;
  } finally {
    dispose(tensors);
  }
}

async function packFiles(
  name: string,
  { extension, ngrams }: PackContents,
  config: ExtensionConfigFile,
): Promise<ReadonlyMap<string, Iterable<Uint8Array>>> {
  const weights = await hostTensors(extension, ngrams);
  const text = (content: string): Uint8Array[] => [new TextEncoder().encode(content)];
  return new Map<string, Iterable<Uint8Array>>([
    [EXTENSION_WEIGHTS_FILE, safetensorsPieces(weights, { dtype: config.dtype === 'bf16' ? 'BF16' : 'F32' })],
    [EXTENSION_CONFIG_FILE, text(`${JSON.stringify(config, null, 2)}\n`)],
    [MODEL_CARD_FILE, text(modelCard(name, config))],
  ]);
}

/** What a pack is made of. */
export interface PackContents {
  readonly extension: Extension;
  /** null: it remembers nothing of its text beside the extension. */
  readonly ngrams: NgramTable | null;
}

/** An attached extension with the contents of its configuration. The pack owns the extension. */
export function makePack(
  base: Pick<Base, 'platform'>,
  name: string,
  contents: PackContents,
  info: ExtensionConfigFile,
): Pack {
  const { extension, ngrams } = contents;
  const saved = (options: SavePackOptions): ExtensionConfigFile => {
    checkOptions('Saving a pack', options, ['dtype', 'license']);
    const { dtype = info.dtype, license } = options;
    if (!['f32', 'bf16'].includes(dtype)) {
      const message = `is ${JSON.stringify(dtype)}, must be one of f32, bf16`;
      throw new InvalidConfigError('Saving a pack', [{ path: 'dtype', message }]);
    }
    return { ...info, dtype, license: license ?? info.license };
  };
  return {
    name,
    extension,
    memory: ngrams === null ? null : ngramMemory(ngrams),
    info,
    files: (options = {}) => packFiles(name, contents, saved(options)),
    save: async (folder, options = {}) =>
      base.platform.writeFolder(folder, await packFiles(extensionName(folder), contents, saved(options))),
    dispose: () => extension.dispose(),
  };
}
