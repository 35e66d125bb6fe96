import { type BaseIdentity, type BaseModel, CorruptDataError, type Tokenizer } from '@moect/core';
import { createParameterDigest, digestParameters } from '@moect/freeze';
import type { LoadedModel, LoadOptions } from '@moect/models';
import type { FrozenStorage } from '@moect/tensor';

export interface LoadedBase {
  readonly model: BaseModel;
  readonly tokenizer: Tokenizer;
  /** What extensions are checked against. */
  readonly identity: BaseIdentity;
  readonly storage: FrozenStorage;
  /** SHA-256 of the parameters as they are held: that of `identity`, unless the storage rounded them. */
  readonly heldSha256: string;
  /** Numbers in all weights. */
  readonly parameterCount: number;
}

/**
 * Loads a model and computes the SHA-256 of its parameters, as float32 and as they are in the file: the same weights
 * stored in another way are the same base, and an extension fits its base in any storage.
 * @param place for messages
 * Throws CorruptDataError for a base without tokenizer, and what `load` throws.
 */
export async function describeBase(
  id: string,
  place: string,
  storage: FrozenStorage,
  load: (options: LoadOptions) => Promise<LoadedModel>,
): Promise<LoadedBase> {
  const digest = createParameterDigest();
  const { model, tokenizer } = await load({
    frozenStorage: storage,
    onWeight: (name, weight) => digest.add(name, weight),
  });
  if (tokenizer === null) {
    model.dispose();
    throw new CorruptDataError(
      place,
      'has no tokenizer.json',
      'Fetch it from where the weights come from; `save_pretrained` of transformers writes it.',
    );
  }
  const sha256 = digest.hex();
  const tensors = new Set(model.parameters.values());
  return {
    model,
    tokenizer,
    identity: { id, revision: null, sha256 },
    storage,
    heldSha256: storage === 'float32' ? sha256 : await digestParameters(model.parameters),
    parameterCount: [...tensors].reduce((sum, { size }) => sum + size, 0),
  };
}
