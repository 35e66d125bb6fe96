import { type BaseIdentity, type BaseModel, CorruptDataError, type Tokenizer } from '@moect/core';
import { countParameters, createParameterDigest, digestParameters } from '@moect/freeze';
import type { BaseStorage, LoadedModel, LoadOptions } from '@moect/models';
import type { BackendInfo } from '@moect/tensor';
import type { Moect } from '../parts/moect.ts';
import type { Platform } from '../platform/platform.ts';

/** A frozen language model with its tokenizer; packs are trained for it. */
export interface Base {
  readonly model: BaseModel;
  readonly tokenizer: Tokenizer;
  /** SHA-256 of tokenizer.json. */
  readonly tokenizerSha256: string;
  /** Identity that packs are checked against. */
  readonly identity: BaseIdentity;
  /** Folder or address of the base. */
  readonly place: string;
  /** As asked for; `file`: as the file has them, exactly. */
  readonly storage: BaseStorage;
  /** SHA-256 of the parameters in memory: that of `identity`, unless the storage rounded them. */
  readonly heldSha256: string;
  /** Number of weights. */
  readonly parameterCount: number;
  /** Backend that computes. */
  readonly backend: BackendInfo;
  /** Methods, presets and parts by name, for all uses of this base. */
  readonly moect: Moect;
  readonly platform: Platform;
  /** Frees the weights. Packs of this base cannot be used afterwards. */
  dispose(): void;
}

export interface OpenBaseOptions {
  /**
   * Storage of matrices in memory: `float32`, `bfloat16` (half), `int8` (a quarter), or `file`, the default: the values of
   * the file without rounding, in its own bytes where those are fewer (bfloat16, blocks of GGUF).
   */
  readonly storage?: BaseStorage;
  /** Backend that computes. Default: the program's earlier choice, else `auto`. */
  readonly backend?: 'auto' | BackendInfo['name'];
  /** Threads of the CPU. Default: all cores. */
  readonly threads?: number;
  /** Methods, presets and parts of your own. Default: the built-in ones. */
  readonly moect?: Moect;
  /** Called while weights are downloaded. `totalBytes` is null if the server does not tell. */
  readonly onProgress?: (loadedBytes: number, totalBytes: number | null) => void;
}

/** Source of a base. */
export interface BaseOrigin {
  readonly id: string;
  readonly place: string;
  readonly tokenizerSha256: string | null;
  readonly load: (options: LoadOptions) => Promise<LoadedModel>;
}

/** Whether matrices are held without rounding them. */
const isExact = (storage: BaseStorage): boolean => storage === 'float32' || storage === 'file';

/** Settings that are known before a base is loaded. */
export type BaseSetting = Pick<Base, 'storage' | 'backend' | 'moect' | 'platform'>;

/**
 * Loads a model and computes the SHA-256 of its parameters, as float32 values of the file: the same weights in another
 * storage are the same base, and a pack fits its base in any storage.
 * Throws CorruptDataError for a base without tokenizer, and the errors of `load`.
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
    heldSha256: isExact(storage) ? sha256 : await digestParameters(model.parameters),
    parameterCount: countParameters(model.parameters),
    dispose: () => model.dispose(),
  };
}
