import { basename, resolve } from 'node:path';
import { type BaseIdentity, type BaseModel, CorruptDataError, type Tokenizer } from '@moect/core';
import { digestParameters } from '@moect/freeze';
import { loadHuggingFaceFolder } from '@moect/models/node';

export interface LoadedBase {
  readonly model: BaseModel;
  readonly tokenizer: Tokenizer;
  /** What extensions are checked against. */
  readonly identity: BaseIdentity;
  /** Absolute path. */
  readonly folder: string;
  /** Numbers in all weights. */
  readonly parameterCount: number;
}

/**
 * Loads a base with its tokenizer and computes the SHA-256 of its parameters (as float32, so that the same weights
 * stored in another way are the same base).
 * Throws InvalidConfigError, CorruptDataError, ShapeMismatchError, NoMatchingParameterError.
 */
export async function loadBase(folder: string): Promise<LoadedBase> {
  const path = resolve(folder);
  const { model, tokenizer } = await loadHuggingFaceFolder(path);
  if (tokenizer === null) {
    model.dispose();
    throw new CorruptDataError(
      path,
      'has no tokenizer.json',
      'Fetch it from where the weights come from; `save_pretrained` of transformers writes it.',
    );
  }
  const sha256 = await digestParameters(model.parameters);
  const tensors = new Set(model.parameters.values());
  return {
    model,
    tokenizer,
    identity: { id: basename(path), revision: null, sha256 },
    folder: path,
    parameterCount: [...tensors].reduce((sum, { size }) => sum + size, 0),
  };
}
