import type { BaseStorage } from '@moect/models';
import type { Base } from '../base/base.ts';
import { openBase } from '../base/open-base.ts';
import { nearestName } from '../config/did-you-mean.ts';
import { openPack } from '../extension/open-pack.ts';
import type { Pack } from '../extension/pack.ts';
import { loadParts } from '../parts/load-parts.ts';
import { createMoect, defaultMoect, GATE, type Moect } from '../parts/moect.ts';
import { unlessInterrupted } from '../unless-interrupted.ts';
import type { CommonOptions } from './arguments.ts';
import { UsageError } from './exit-codes.ts';
import { fetchProgress } from './fetch-progress.ts';
import type { Io } from './io.ts';

export interface ModelOptions extends CommonOptions {
  readonly base: string;
  readonly baseStorage?: BaseStorage;
  readonly extension: readonly string[];
  readonly combine?: string;
  readonly gateThreshold?: number;
}

export interface OpenModels {
  readonly base: Base;
  readonly packs: readonly Pack[];
  dispose(): void;
}

/** The built-in parts and those of the modules of `--parts`. Throws InvalidConfigError. */
export async function moectWith(files: readonly string[]): Promise<Moect> {
  return files.length === 0 ? defaultMoect : createMoect(...(await loadParts(files)));
}

function checkCombine(combine: string | undefined, { combinations }: Moect): void {
  const names = [...combinations.keys(), GATE];
  if (combine === undefined || names.includes(combine)) return;
  const near = nearestName(combine, names);
  throw new UsageError(
    `--combine is '${combine}', must be one of ${names.join(', ')}.`,
    near === null ? 'A combination of your own comes with --parts.' : `Did you mean '${near}'?`,
  );
}

/** Numbers extensions of the same name. */
function withNumber(pack: Pack, before: readonly Pack[]): Pack {
  const twins = before.filter(({ name }) => name.replace(/ \(\d+\)$/, '') === pack.name).length;
  return twins === 0 ? pack : { ...pack, name: `${pack.name} (${twins + 1})` };
}

/** null after a message where the signal ended a download. */
async function openBaseFor(
  options: ModelOptions,
  moect: Moect,
  io: Io,
  signal: AbortSignal,
): Promise<Base | null> {
  const { backend, threads, baseStorage: storage } = options;
  const opening = openBase(options.base, {
    ...(storage !== undefined && { storage }),
    moect,
    backend,
    signal,
    onProgress: fetchProgress(io, options.base),
    ...(threads !== undefined && { threads }),
  });
  const base = await unlessInterrupted(signal, opening);
  if (base === null) io.err('Interrupted. What was downloaded is kept; the same command goes on with it.\n');
  else for (const note of base.notes) io.err(`note: ${note}\n`);
  return base;
}

/**
 * Starts the backend, then opens the base, which may be fetched first, and its extensions.
 * @param signal ends a download; the result is null then
 */
export async function openModels(
  options: ModelOptions,
  io: Io,
  signal: AbortSignal,
): Promise<OpenModels | null> {
  const moect = await moectWith(options.parts);
  checkCombine(options.combine, moect);
  const base = await openBaseFor(options, moect, io, signal);
  if (base === null) return null;
  const packs: Pack[] = [];
  const dispose = (): void => {
    for (const pack of packs) pack.dispose();
    base.dispose();
  };
  try {
    for (const folder of options.extension) packs.push(withNumber(await openPack(base, folder), packs));
    return { base, packs, dispose };
  } catch (error) {
    dispose();
    throw error;
  }
}

/** Command-line options for scoring and generation. */
export function usageOf({ combine, gateThreshold }: ModelOptions): {
  readonly combine?: string;
  readonly gateThreshold?: number | null;
} {
  return {
    ...(combine !== undefined && { combine }),
    ...(gateThreshold !== undefined && { gateThreshold: gateThreshold === 1 ? null : gateThreshold }),
  };
}
