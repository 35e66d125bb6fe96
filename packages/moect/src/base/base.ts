import { type BaseIdentity, type BaseModel, CorruptDataError, type Tokenizer } from '@moect/core';
import { countParameters } from '@moect/freeze';
import type { BaseStorage, LoadedModel, LoadOptions } from '@moect/models';
import type { BackendInfo } from '@moect/tensor';
import type { Moect } from '../parts/moect.ts';
import type { Platform } from '../platform/platform.ts';
import { type DigestMemory, loadIdentified } from './identify.ts';

/** A frozen language model with its tokenizer; packs are trained for it. */
export interface Base {
  readonly model: BaseModel;
  readonly tokenizer: Tokenizer;
  /** SHA-256 of tokenizer.json. */
  readonly tokenizerSha256: string;
  /** Identity that packs are checked against. */
  readonly identity: BaseIdentity;
  /** What opens the same base again: a folder, an address, or a hub's name with its commit. */
  readonly place: string;
  /** Facts about the opening that the user should know. */
  readonly notes: readonly string[];
  /** As asked for; `file`: as the file has them, exactly. */
  readonly storage: BaseStorage;
  /** Digest of the parameters in memory: that of `identity`, unless the storage rounded them. */
  heldSha256(): Promise<string>;
  /** Whether a digest, of a pack or a run, is that of this base; also one of before December 2026. */
  isIdentifiedBy(sha256: string): Promise<boolean>;
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
  /** Name of the base for people, and on the cards of its packs: `org/name` of the hub. Default: what the place tells. */
  readonly id?: string;
  /** Ends a download; what was downloaded is kept, and `openBase` throws the signal's reason. */
  readonly signal?: AbortSignal;
  /** Called while weights are downloaded. `totalBytes` is null if the server does not tell. */
  readonly onProgress?: (loadedBytes: number, totalBytes: number | null) => void;
}

/** Source of a base. */
export interface BaseOrigin {
  readonly id: string;
  /** Commit of the hub; null for what does not come from there. */
  readonly revision: string | null;
  readonly place: string;
  readonly notes?: readonly string[];
  readonly tokenizerSha256: string | null;
  /** Digests of earlier processes; null where none are kept. */
  readonly memory: DigestMemory | null;
  readonly load: (options: LoadOptions) => Promise<LoadedModel>;
}

/** Settings that are known before a base is loaded. */
export type BaseSetting = Pick<Base, 'storage' | 'backend' | 'moect' | 'platform'>;

/**
 * Loads a model and finds the digest of its parameters, as float32 values of the file: the same weights in another
 * storage are the same base, and a pack fits its base in any storage.
 * Throws CorruptDataError for a base without tokenizer, and the errors of `load`.
 */
export async function describeBase(origin: BaseOrigin, setting: BaseSetting): Promise<Base> {
  const { id, revision, place, notes = [], tokenizerSha256 } = origin;
  const { storage } = setting;
  const {
    model,
    tokenizer,
    notes: found = [],
    sha256,
    heldSha256,
    isIdentifiedBy,
  } = await loadIdentified(origin.load, storage, origin.memory, place);
  if (tokenizer === null || tokenizerSha256 === null) {
    model.dispose();
    throw new CorruptDataError(
      place,
      'has no tokenizer.json',
      'Fetch it from where the weights come from; `save_pretrained` of transformers writes it.',
    );
  }
  return {
    model,
    tokenizer,
    tokenizerSha256,
    identity: { id, revision, sha256 },
    place,
    notes: [...notes, ...found],
    ...setting,
    heldSha256,
    isIdentifiedBy,
    parameterCount: countParameters(model.parameters),
    dispose: () => model.dispose(),
  };
}
