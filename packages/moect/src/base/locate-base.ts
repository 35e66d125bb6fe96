import { existsSync } from 'node:fs';
import { realpath } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { InvalidConfigError } from '@moect/core';
import type { FetchOptions } from '../hub/fetch-model.ts';
import { nameInCache } from '../hub/hub-cache.ts';
import { HubError } from '../hub/hub-error.ts';
import { parseHubName } from '../hub/hub-name.ts';

/** A base on this machine. */
export interface LocatedBase {
  /** Absolute path of a folder or a file. */
  readonly path: string;
  /** Name that opens the same base again: a path, or a hub's name with its commit. */
  readonly place: string;
  /** Hub id, or the name of the folder or file. */
  readonly id: string;
  /** Commit of the hub; null for what does not come from there. */
  readonly revision: string | null;
  readonly notes: readonly string[];
}

/**
 * What a setting names from another folder: an absolute path, or a hub's name as it is. What exists there is a path.
 */
export function absoluteBase(folder: string, base: string): string {
  const path = resolve(folder, base);
  return parseHubName(base) !== null && !existsSync(path) ? base : path;
}

/** A folder that lies in a cache of the hub is the hub's model. */
async function locateHere(path: string): Promise<LocatedBase> {
  const cached = nameInCache(path) ?? nameInCache(await realpath(path));
  const own = basename(path);
  return {
    path,
    place: path,
    // a commit names no model
    id: cached?.repo ?? (/^[0-9a-f]{40}$/.test(own) ? 'base' : own),
    revision: cached?.commit ?? null,
    notes: [],
  };
}

function nothingThere(path: string): never {
  const message = `there is no ${path}`;
  const hint = "Check the path. A model of the hub is named 'org/name', without a dot or a slash in front.";
  throw new InvalidConfigError('The base', [{ path: 'base', message }], hint);
}

/**
 * Finds a base: a folder or file of that name, else the hub's model of that name, which is downloaded where it is not in
 * the cache. Throws InvalidConfigError if there is neither, HubError, and the signal's reason.
 */
export async function locateBase(base: string, options: FetchOptions = {}): Promise<LocatedBase> {
  const path = resolve(base);
  if (existsSync(path)) return locateHere(path);
  const name = parseHubName(base);
  if (name === null) return nothingThere(path);
  // the client of the hub loads slowly
  const { fetchModel } = await import('../hub/fetch-model.ts');
  try {
    const { commit, ...fetched } = await fetchModel(name, options);
    return { ...fetched, id: name.repo, revision: commit };
  } catch (error) {
    if (!(error instanceof HubError)) throw error;
    const message = `There is no folder or file ${base} here. As a name of the hub: ${error.message}`;
    throw new HubError(message, '', error.isRetryable, error);
  }
}
