import { type Extension, isAbove, type StartPoint } from '@moect/core';
import { type HiddenStateCache, openHiddenStateCache } from '@moect/models/node';
import type { HiddenStateBase, HiddenStateFolder } from './platform.ts';

/**
 * Opens the cache of the hidden states at the first point that any of the extensions touches; null if that point is the
 * very first, below which nothing can be kept. The base alone begins there too, so that all results are rounded alike.
 * Throws InvalidConfigError.
 */
export async function openHiddenStates(
  base: HiddenStateBase,
  extensions: readonly Pick<Extension, 'attachments' | 'overrides'>[],
  { folder, maxBytes }: HiddenStateFolder,
): Promise<HiddenStateCache | null> {
  const { prefix, numLayers } = base.model;
  if (prefix === undefined) return null;
  const start = extensions
    .map((extension) => prefix.start(extension))
    .reduce<StartPoint>((a, b) => (isAbove(a, b) ? b : a), { layer: numLayers, at: 'block' });
  if (start.layer === 0 && start.at === 'block') return null;
  return openHiddenStateCache({
    base: base.model,
    baseSha256: await base.heldSha256(),
    ...start,
    folder,
    ...(maxBytes !== undefined && { maxBytes }),
  });
}
