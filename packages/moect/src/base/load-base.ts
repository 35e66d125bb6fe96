import { basename, resolve } from 'node:path';
import { type BaseIdentity, type BaseModel, CorruptDataError, type Tokenizer } from '@moect/core';
import { createParameterDigest, digestParameters } from '@moect/freeze';
import { loadHuggingFaceFolder } from '@moect/models/node';
import type { FrozenStorage } from '@moect/tensor';

export interface LoadedBase {
  readonly model: BaseModel;
  readonly tokenizer: Tokenizer;
  /** What extensions are checked against. */
  readonly identity: BaseIdentity;
  readonly storage: FrozenStorage;
  /** SHA-256 of the parameters as they are held: that of `identity`, unless the storage rounded them. */
  readonly heldSha256: string;
  /** Absolute path. */
  readonly folder: string;
  /** Numbers in all weights. */
  readonly parameterCount: number;
}

/**
 * Loads a base with its tokenizer and computes the SHA-256 of its parameters (as float32, so that the same weights
 * stored in another way are the same base). The SHA-256 is of the file's values also where `storage` rounds them, so an
 * extension fits its base in any storage.
 * Throws InvalidConfigError, CorruptDataError, ShapeMismatchError, NoMatchingParameterError.
 */
export async function loadBase(folder: string, storage: FrozenStorage = 'float32'): Promise<LoadedBase> {
  const path = resolve(folder);
  const digest = createParameterDigest();
  const { model, tokenizer } = await loadHuggingFaceFolder(path, {
    frozenStorage: storage,
    onWeight: (name, weight) => digest.add(name, weight),
  });
  if (tokenizer === null) {
    model.dispose();
    throw new CorruptDataError(
      path,
      'has no tokenizer.json',
      'Fetch it from where the weights come from; `save_pretrained` of transformers writes it.',
    );
  }
  const sha256 = digest.hex();
  const tensors = new Set(model.parameters.values());
  return {
    model,
    tokenizer,
    identity: { id: basename(path), revision: null, sha256 },
    storage,
    heldSha256: storage === 'float32' ? sha256 : await digestParameters(model.parameters),
    folder: path,
    parameterCount: [...tensors].reduce((sum, { size }) => sum + size, 0),
  };
}
