import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { readJsonFile } from '@moect/safetensors/node';
import { freeDisk } from '../platform/machine.ts';
import { chooseFiles, chooseGguf, INDEX, shardsOf } from './choose-files.ts';
import { downloadBlob } from './download-blob.ts';
import { missingFiles, type RepoCache, repoCache } from './hub-cache.ts';
import { createHubClient, type HubClient, type RemoteFile } from './hub-client.ts';
import { HubError } from './hub-error.ts';
import { type HubName, hubPlace } from './hub-name.ts';
import { type HubSettings, hubSettings } from './hub-settings.ts';

/** A model of the hub on this machine. */
export interface FetchedModel {
  /** Folder of its files, or its one GGUF file. */
  readonly path: string;
  readonly commit: string;
  /** The name that opens the same again, whatever its branch becomes. */
  readonly place: string;
  /** Facts that the user should know. */
  readonly notes: readonly string[];
}

export interface FetchOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((loadedBytes: number, totalBytes: number) => void) | undefined;
}

interface Job extends FetchOptions {
  readonly name: HubName;
  readonly settings: HubSettings;
  readonly client: HubClient;
  readonly cache: RepoCache;
  readonly commit: string;
}

/** Refuses a download that the disk has no room for. */
async function checkRoom({ settings, name }: Job, bytes: number): Promise<void> {
  const free = await freeDisk(settings.cacheFolder);
  if (free === null || bytes <= free) return;
  const megabytes = (count: number): string => `${Math.ceil(count / 1e6).toLocaleString('en-US')} MB`;
  throw new HubError(
    `${name.repo} needs ${megabytes(bytes)} more, and the disk of ${settings.cacheFolder} has ${megabytes(free)} free.`,
    'Free some room, or set HF_HUB_CACHE to another disk.',
    true,
  );
}

/** Bytes of files that are done, of files to come, and of the one under way. */
function progressOf(
  files: readonly RemoteFile[],
  report: FetchOptions['onProgress'],
): (path: string, loaded: number) => void {
  const loadedOf = new Map<string, number>();
  const total = files.reduce((sum, { size }) => sum + size, 0);
  return (path, loaded) => {
    loadedOf.set(path, loaded);
    let all = 0;
    for (const bytes of loadedOf.values()) all += bytes;
    report?.(all, total);
  };
}

async function fetchFiles(job: Job, paths: readonly string[], remote: readonly RemoteFile[]): Promise<void> {
  const { cache, commit, client, name, signal } = job;
  const missing = paths.filter((path) => !existsSync(join(cache.snapshot(commit), path)));
  const files = missing.map((path) => {
    const file = remote.find((one) => one.path === path);
    if (file !== undefined) return file;
    throw new HubError(`${name.repo} has no file ${path}.`, 'Take another revision.', false);
  });
  const absent = files.filter(({ etag }) => !existsSync(cache.blob(etag)));
  await checkRoom(
    job,
    absent.reduce((sum, { size }) => sum + size, 0),
  );
  const report = progressOf(absent, job.onProgress);
  for (const file of files) {
    const blob = cache.blob(file.etag);
    if (!existsSync(blob)) {
      const onBytes = (loaded: number): void => report(file.path, loaded);
      await downloadBlob({ client, repo: name.repo, commit, file, blob, signal, onBytes });
    }
    await cache.link(commit, file.path, file.etag);
  }
}

/** Fetches what is not there yet: files that describe the model first, weights last. Gives the path of a GGUF file. */
async function fetchMissing(job: Job, paths: readonly string[]): Promise<string | null> {
  const { name, cache, commit, client } = job;
  const ggufPath = chooseGguf(name, paths);
  const first = ggufPath === null ? chooseFiles(name, paths) : [ggufPath];
  const snapshot = cache.snapshot(commit);
  const isThere = (path: string): boolean => existsSync(join(snapshot, path));
  const shards = async (): Promise<string[]> =>
    first.includes(INDEX) ? shardsOf(await readJsonFile(join(snapshot, INDEX)), name.repo) : [];
  if (first.every(isThere) && (await shards()).every(isThere)) return ggufPath;
  const remote = await client.list(name.repo, commit);
  const index = first.filter((path) => path === INDEX);
  await fetchFiles({ ...job, onProgress: undefined }, index, remote);
  await fetchFiles(job, [...first, ...(await shards())], remote);
  return ggufPath;
}

function located(
  cache: RepoCache,
  repo: string,
  commit: string,
  ggufPath: string | null,
): Omit<FetchedModel, 'notes'> {
  const snapshot = cache.snapshot(commit);
  return {
    path: ggufPath === null ? snapshot : join(snapshot, ggufPath),
    commit,
    place: hubPlace(repo, commit, ggufPath),
  };
}

async function filesUnder(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true });
  return entries.map((path) => path.replaceAll('\\', '/'));
}

/** A copy in the cache, for when the hub is not asked or does not answer; or what it lacks. */
async function cachedModel(
  { repo, revision, gguf }: HubName,
  cache: RepoCache,
): Promise<Omit<FetchedModel, 'notes'> | { readonly lacks: string }> {
  const commit = await cache.commitOf(revision);
  if (commit === null || !existsSync(cache.snapshot(commit))) {
    return { lacks: `has no whole copy of ${repo}${revision === null ? '' : `@${revision}`}` };
  }
  const snapshot = cache.snapshot(commit);
  const ggufPath = gguf === null ? null : chooseGguf({ repo, revision, gguf }, await filesUnder(snapshot));
  const missing = await missingFiles(snapshot, ggufPath);
  if (missing.length > 0) return { lacks: `lacks ${missing.join(', ')} of ${repo}` };
  return located(cache, repo, commit, ggufPath);
}

/**
 * Finds a model of the hub: asks which commit its revision is, downloads into the cache what is not there, and gives its
 * place on this machine. Where the hub does not answer, or must not be asked (HF_HUB_OFFLINE), a whole copy in the cache is
 * used. Downloads go on where an earlier process was interrupted; every file is checked before it is used.
 * Throws HubError, and the signal's reason.
 */
export async function fetchModel(
  name: HubName,
  options: FetchOptions = {},
  settings: HubSettings = hubSettings(),
): Promise<FetchedModel> {
  const cache = repoCache(settings.cacheFolder, name.repo);
  if (settings.isOffline) {
    const found = await cachedModel(name, cache);
    if (!('lacks' in found)) return { ...found, notes: [] };
    const hint = 'Unset HF_HUB_OFFLINE once to fetch it, or copy the cache of a machine that has it.';
    throw new HubError(
      `HF_HUB_OFFLINE is set, and the cache ${settings.cacheFolder} ${found.lacks}.`,
      hint,
      false,
    );
  }
  const client = createHubClient(settings, options.signal);
  let described: Awaited<ReturnType<HubClient['describe']>>;
  try {
    described = await client.describe(name.repo, name.revision);
  } catch (error) {
    if (!(error instanceof HubError) || !error.isRetryable) throw error;
    const found = await cachedModel(name, cache).catch(() => ({ lacks: '' }));
    if ('lacks' in found) throw error;
    return { ...found, notes: [`${error.summary} The copy in the cache is used: ${found.place}`] };
  }
  const { commit, paths } = described;
  const ggufPath = await fetchMissing({ ...options, name, settings, client, cache, commit }, paths);
  await cache.remember(name.revision, commit);
  return { ...located(cache, name.repo, commit, ggufPath), notes: [] };
}
