import { setSnap } from '@moect/experts';
import type { BackendInfo } from '@moect/tensor';
import { chooseBackend } from '../base/choose-backend.ts';
import { type LoadedBase, loadBase } from '../base/load-base.ts';
import { type LoadedExtension, loadExtension } from '../extension/load-extension.ts';
import type { CombineName } from '../presets/preset.ts';
import type { CommonOptions } from './arguments.ts';

export interface ModelOptions extends CommonOptions {
  readonly base: string;
  readonly extension: readonly string[];
  readonly combine?: CombineName;
  readonly snap?: number;
}

export interface LoadedModels {
  readonly backend: BackendInfo;
  readonly base: LoadedBase;
  readonly extensions: readonly LoadedExtension[];
  dispose(): void;
}

/** Starts the backend, then loads the base and its extensions. */
export async function loadModels(options: ModelOptions): Promise<LoadedModels> {
  const backend = await chooseBackend(options.backend, options.threads);
  const base = await loadBase(options.base);
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
    const { snap } = options;
    if (snap !== undefined)
      for (const { extension } of extensions) setSnap(extension, snap === 1 ? null : snap);
    return { backend, base, extensions, dispose };
  } catch (error) {
    dispose();
    throw error;
  }
}
