import { existsSync } from 'node:fs';
import { copyFile, mkdir, readFile, rm, symlink } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { readJsonFile, writeFileAtomic } from '@moect/safetensors/node';
import { INDEX, shardsOf, WEIGHTS } from './choose-files.ts';

const COMMIT = /^[0-9a-f]{40}$/;

/** A repository's folder in the cache that Python's huggingface_hub shares: blobs, snapshots that link to them, refs. */
export interface RepoCache {
  readonly folder: string;
  blob(etag: string): string;
  snapshot(commit: string): string;
  /** Commit that a revision had when it was last fetched whole; null if it never was. */
  commitOf(revision: string | null): Promise<string | null>;
  remember(revision: string | null, commit: string): Promise<void>;
  /** Gives a blob its name in a snapshot. */
  link(commit: string, path: string, etag: string): Promise<void>;
}

export function repoCache(cacheFolder: string, repo: string): RepoCache {
  const folder = join(cacheFolder, `models--${repo.replace('/', '--')}`);
  const refOf = (revision: string | null): string => join(folder, 'refs', revision ?? 'main');
  const snapshot = (commit: string): string => join(folder, 'snapshots', commit);
  const blob = (etag: string): string => join(folder, 'blobs', etag);
  return {
    folder,
    blob,
    snapshot,
    async commitOf(revision) {
      if (revision !== null && COMMIT.test(revision)) return revision;
      const text = await readFile(refOf(revision), 'utf8').catch(() => '');
      return COMMIT.test(text.trim()) ? text.trim() : null;
    },
    async remember(revision, commit) {
      if (revision === commit) return;
      await mkdir(dirname(refOf(revision)), { recursive: true });
      await writeFileAtomic(refOf(revision), commit);
    },
    async link(commit, path, etag) {
      const target = join(snapshot(commit), path);
      await mkdir(dirname(target), { recursive: true });
      // a link to a blob that was deleted
      await rm(target, { force: true });
      try {
        await symlink(relative(dirname(target), blob(etag)), target);
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if (code === 'EEXIST') return;
        // Windows allows links to developers only
        await copyFile(blob(etag), target);
      }
    },
  };
}

/** What a snapshot lacks before a base can be read from it; empty: nothing. */
export async function missingFiles(snapshot: string, ggufPath: string | null): Promise<string[]> {
  const lacks = (names: readonly string[]): string[] =>
    names.filter((name) => !existsSync(join(snapshot, name)));
  if (ggufPath !== null) return lacks([ggufPath]);
  const needed = lacks(['config.json', 'tokenizer.json']);
  if (existsSync(join(snapshot, WEIGHTS))) return needed;
  if (!existsSync(join(snapshot, INDEX))) return [...needed, WEIGHTS];
  return [...needed, ...lacks(shardsOf(await readJsonFile(join(snapshot, INDEX)), snapshot))];
}

/** The hub's name of a folder or file that lies in a snapshot of the cache; null elsewhere. */
export function nameInCache(path: string): { readonly repo: string; readonly commit: string } | null {
  const match = /[/\\]models--([^/\\]+?)--([^/\\]+)[/\\]snapshots[/\\]([0-9a-f]{40})(?=[/\\]|$)/.exec(path);
  return match === null ? null : { repo: `${match[1]}/${match[2]}`, commit: match[3]! };
}
