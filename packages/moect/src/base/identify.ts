import { CorruptDataError, type ParamMap } from '@moect/core';
import { createFormerParameterDigest, createParameterDigest, digestParameters } from '@moect/freeze';
import type { BaseStorage, LoadedModel, LoadOptions } from '@moect/models';

/** Memory of a base's digest between processes. */
export interface DigestMemory {
  /** Digest of these files as they are; null if none is remembered. */
  recall(): Promise<string | null>;
  remember(sha256: string): Promise<void>;
  forget(): Promise<void>;
}

type Load = (options: LoadOptions) => Promise<LoadedModel>;

export interface Identified extends LoadedModel {
  /** Digest of the file's parameters, as float32 values. */
  readonly sha256: string;
  /** Digest of the parameters in memory; computed when first asked for, unless loading has done so. */
  heldSha256(): Promise<string>;
  /** Whether a digest is that of this base, also by the rule of before December 2026. */
  isIdentifiedBy(sha256: string): Promise<boolean>;
}

function once<T>(compute: () => Promise<T>): () => Promise<T> {
  let result: Promise<T> | null = null;
  return () => {
    result ??= compute();
    return result;
  };
}

/** By the former rule, from memory where that holds the file's values, else from the file once more. */
async function formerDigest(parameters: ParamMap | null, load: Load): Promise<string> {
  const digest = createFormerParameterDigest();
  if (parameters === null) {
    const { model } = await load({
      frozenStorage: 'bfloat16',
      onWeight: (name, weight) => digest.add(name, weight),
    });
    model.dispose();
  } else {
    for (const name of [...parameters.keys()].sort()) await digest.add(name, parameters.get(name)!);
  }
  return digest.hex();
}

/** Whether matrices are held without rounding them. */
export const isExact = (storage: BaseStorage): boolean => storage === 'float32' || storage === 'file';

/** The remembered digest of a base that is held exactly must be that of what was loaded. */
async function checkedHeld(
  sha256: string,
  parameters: ParamMap,
  memory: DigestMemory,
  place: string,
): Promise<string> {
  const held = await digestParameters(parameters);
  if (held === sha256) return held;
  await memory.forget();
  throw new CorruptDataError(
    place,
    'its weights are others than before, but have the same size and time',
    'Run the same again: the digest that was remembered for them is forgotten now.',
  );
}

/**
 * Loads a model and finds the digest that packs know it by. Weights are hashed while they are read, unless `memory` has
 * the digest of these very files.
 */
export async function loadIdentified(
  load: Load,
  storage: BaseStorage,
  memory: DigestMemory | null,
  place: string,
): Promise<Identified> {
  const known = (await memory?.recall()) ?? null;
  const digest = createParameterDigest();
  const loaded = await load({
    frozenStorage: storage,
    ...(known === null && { onWeight: (name, weight) => digest.add(name, weight) }),
  });
  const { parameters } = loaded.model;
  const sha256 = known ?? (await digest.hex());
  if (known === null) await memory?.remember(sha256);
  const heldSha256 = once(async () => {
    if (!isExact(storage)) return digestParameters(parameters);
    return known === null || memory === null ? sha256 : checkedHeld(sha256, parameters, memory, place);
  });
  const former = once(async () => formerDigest((await heldSha256()) === sha256 ? parameters : null, load));
  return {
    ...loaded,
    sha256,
    heldSha256,
    isIdentifiedBy: async (other) => other === sha256 || other === (await former()),
  };
}
