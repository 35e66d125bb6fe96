import { checkGateThreshold } from '@moect/experts';
import type { HiddenStateCache } from '@moect/models/node';
import type { BackendInfo, FrozenStorage } from '@moect/tensor';
import { chooseBackend } from '../base/choose-backend.ts';
import { openHiddenStates } from '../base/hidden-states.ts';
import { type LoadedBase, loadBase } from '../base/load-base.ts';
import type { ScoredExtension } from '../evaluation/combined-scorer.ts';
import { type LoadedExtension, loadExtension } from '../extension/load-extension.ts';
import type { CombineName } from '../presets/preset.ts';
import { type CacheOptions, type CommonOptions, cacheOf } from './arguments.ts';

export interface ModelOptions extends CommonOptions {
  readonly base: string;
  readonly baseStorage: FrozenStorage;
  readonly extension: readonly string[];
  readonly combine?: CombineName;
  readonly gateThreshold?: number;
}

/** An extension with the gate threshold that the command line named for it. */
export type ThresholdedExtension = LoadedExtension & Pick<ScoredExtension, 'gateThreshold'>;

export interface LoadedModels {
  readonly backend: BackendInfo;
  readonly base: LoadedBase;
  readonly extensions: readonly ThresholdedExtension[];
  dispose(): void;
}

/** Starts the backend, then loads the base and its extensions. */
export async function loadModels(options: ModelOptions): Promise<LoadedModels> {
  const backend = await chooseBackend(options.backend, options.threads);
  const base = await loadBase(options.base, options.baseStorage);
  const extensions: LoadedExtension[] = [];
  const dispose = (): void => {
    for (const { extension } of extensions) extension.dispose();
    base.model.dispose();
  };
  try {
    for (const folder of options.extension) {
      const loaded = await loadExtension(folder, base);
      const twins = extensions.filter(({ name }) => name.replace(/ \(\d+\)$/, '') === loaded.name).length;
      extensions.push(twins === 0 ? loaded : { ...loaded, name: `${loaded.name} (${twins + 1})` });
    }
    if (options.gateThreshold === undefined) return { backend, base, extensions, dispose };
    const gateThreshold = options.gateThreshold === 1 ? null : options.gateThreshold;
    for (const { extension } of extensions) checkGateThreshold(extension, gateThreshold);
    return { backend, base, extensions: extensions.map((one) => ({ ...one, gateThreshold })), dispose };
  } catch (error) {
    dispose();
    throw error;
  }
}

/** The cache that the command line names, for the layers that none of the extensions touches; null without one. */
export async function openCache(
  options: CacheOptions,
  { base, extensions, dispose }: LoadedModels,
): Promise<HiddenStateCache | null> {
  try {
    const place = cacheOf(options);
    if (place === undefined) return null;
    return await openHiddenStates(
      base,
      extensions.map(({ extension }) => extension),
      place,
    );
  } catch (error) {
    dispose();
    throw error;
  }
}
