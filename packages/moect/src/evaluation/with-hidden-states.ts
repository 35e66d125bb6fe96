import type { HiddenStateSource } from '@moect/core';
import type { Base } from '../base/base.ts';
import type { HiddenStateFolder } from '../platform/platform.ts';
import type { UsedPack } from './scorers.ts';

/** Runs `work` with the cache of hidden states below all packs, and closes the cache. */
export async function withHiddenStates<T>(
  base: Base,
  packs: readonly Pick<UsedPack, 'extension'>[],
  cache: HiddenStateFolder | undefined,
  work: (hiddenStates: { readonly hiddenStates?: HiddenStateSource }) => Promise<T>,
): Promise<T> {
  const extensions = packs.map(({ extension }) => extension);
  const opened = cache === undefined ? null : await base.platform.openHiddenStates(base, extensions, cache);
  try {
    return await work(opened === null ? {} : { hiddenStates: opened });
  } finally {
    await opened?.close();
  }
}
