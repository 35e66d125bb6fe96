import { type BaseIdentity, type BaseModel, CorruptDataError, type Tokenizer } from '@moect/core';
import { countParameters, createParameterDigest, digestParameters } from '@moect/freeze';
import type { LoadedModel, LoadOptions } from '@moect/models';
import type { BackendInfo, FrozenStorage } from '@moect/tensor';
import type { Moect } from '../parts/moect.ts';
import type { Platform } from '../platform/platform.ts';

/** A frozen language model with its tokenizer: what packs are trained for. */
export interface Base {
  readonly model: BaseModel;
  readonly tokenizer: Tokenizer;
  /** SHA-256 of tokenizer.json. */
  readonly tokenizerSha256: string;
  /** What packs are checked against. */
  readonly identity: BaseIdentity;
  /** Folder or address that it was opened from. */
  readonly place: string;
  readonly storage: FrozenStorage;
  /** SHA-256 of the parameters as they are held: that of `identity`, unless the storage rounded them. */
  readonly heldSha256: string;
  /** Numbers in all weights. */
  readonly parameterCount: number;
  /** What computes. */
  readonly backend: BackendInfo;
  /** Methods, presets and parts by name, for all that is done with this base. */
  readonly moect: Moect;
  readonly platform: Platform;
  /** Frees the weights. Packs of this base are of no use afterwards. */
  dispose(): void;
}

export interface OpenBaseOptions {
  /** How matrices are kept in memory: `bfloat16` half, `int8` a quarter. Default `float32`. */
  readonly storage?: FrozenStorage;
  /** What computes. Default: what this program has chosen before, else `auto`. */
  readonly backend?: 'auto' | BackendInfo['name'];
  /** Of the CPU. Default: all cores. */
  readonly threads?: number;
  /** Methods, presets and parts of your own. Default: the built-in ones. */
  readonly moect?: Moect;
  /** Told as weights come over the network. `totalBytes` is null where the server does not say. */
  readonly onProgress?: (loadedBytes: number, totalBytes: number | null) => void;
}

/** Where a base comes from. */
export interface BaseOrigin {
  readonly id: string;
  readonly place: string;
  readonly tokenizerSha256: string | null;
  readonly load: (options: LoadOptions) => Promise<LoadedModel>;
}

/** What is decided before a base is loaded. */
export type BaseSetting = Pick<Base, 'storage' | 'backend' | 'moect' | 'platform'>;

/**
 * Loads a model and computes the SHA-256 of its parameters, as float32 and as they are in the file: the same weights
 * stored in another way are the same base, and a pack fits its base in any storage.
 * Throws CorruptDataError for a base without tokenizer, and what `load` throws.
 */
export async function describeBase(origin: BaseOrigin, setting: BaseSetting): Promise<Base> {
  const { id, place, tokenizerSha256, load } = origin;
  const { storage } = setting;
  const digest = createParameterDigest();
  const { model, tokenizer } = await load({
    frozenStorage: storage,
    onWeight: (name, weight) => digest.add(name, weight),
  });
  if (tokenizer === null || tokenizerSha256 === null) {
    model.dispose();
    throw new CorruptDataError(
      place,
      'has no tokenizer.json',
      'Fetch it from where the weights come from; `save_pretrained` of transformers writes it.',
    );
  }
  const sha256 = digest.hex();
  return {
    model,
    tokenizer,
    tokenizerSha256,
    identity: { id, revision: null, sha256 },
    place,
    ...setting,
    heldSha256: storage === 'float32' ? sha256 : await digestParameters(model.parameters),
    parameterCount: countParameters(model.parameters),
    dispose: () => model.dispose(),
  };
}
