import type { Extension } from '@moect/core';
import { toDiskTensors } from '@moect/experts';
import { type HostTensor, safetensorsPieces } from '@moect/safetensors';
import { dispose } from '@moect/tensor';
import {
  EXTENSION_CONFIG_FILE,
  EXTENSION_WEIGHTS_FILE,
  type ExtensionConfigFile,
  type ExtensionInfo,
  MODEL_CARD_FILE,
} from './extension-config.ts';
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

/**
 * The files of an extension's folder, by name: `moect_config.json`, `moect_model.safetensors` (one tensor an expert) and
 * a model card. Equal extensions give equal bytes. Weights are encoded as their pieces are taken, once; that throws
 * CorruptDataError for weights that are not finite or too large for `bf16`.
 * @param name of the extension, for the model card
 */
export async function extensionFiles(
  name: string,
  extension: Extension,
  info: ExtensionInfo,
  { dtype = 'f32' }: SaveExtensionOptions = {},
): Promise<ReadonlyMap<string, Iterable<Uint8Array>>> {
  const config = describe(extension, info, dtype);
  const weights = await hostTensors(extension);
  const text = (content: string): Uint8Array[] => [new TextEncoder().encode(content)];
  return new Map<string, Iterable<Uint8Array>>([
    [EXTENSION_WEIGHTS_FILE, safetensorsPieces(weights, { dtype: dtype === 'bf16' ? 'BF16' : 'F32' })],
    [EXTENSION_CONFIG_FILE, text(`${JSON.stringify(config, null, 2)}\n`)],
    [MODEL_CARD_FILE, text(modelCard(name, config))],
  ]);
}
