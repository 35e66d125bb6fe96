import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { CorruptDataError, type Json } from '@moect/core';
import { writeJsonAtomic } from '@moect/safetensors/node';
import { indexShard, readEntry, type ShardEntry, writeShard } from './shard.ts';

/** Rows are collected up to this size and then written together. */
const SHARD_BYTES = 32 * 2 ** 20;
const MOST_ROWS = 4096;
/** A temporary file this old belongs to a process that died. */
const STALE_MS = 3_600_000;
const IDENTITY = 'identity.json';

export interface ShardFolderOptions {
  /** Shared by all bases and points; each has a folder of its own in it. */
  readonly folder: string;
  /** Bound on the bytes of all shards below `folder`. */
  readonly maxBytes: number;
  /** Base, point and backend of the states; states of another identity are never read. */
  readonly identity: { readonly [key: string]: Json };
  /** Values of one token. */
  readonly width: number;
  readonly onWarning: (message: string) => void;
}

interface Part {
  readonly path: string;
  readonly bytes: number;
  readonly openedAt: number;
}

/** The folders of bases and points; other folders are ignored. */
async function partsOf(folder: string): Promise<Part[]> {
  const paths = (await readdir(folder))
    .filter((name) => /^[0-9a-f]{16}$/.test(name))
    .map((name) => join(folder, name))
    .filter((path) => existsSync(join(path, IDENTITY)));
  return Promise.all(
    paths.map(async (path) => {
      const sizes = (await readdir(path)).map(async (name) => (await stat(join(path, name))).size);
      const bytes = (await Promise.all(sizes)).reduce((a, b) => a + b, 0);
      return { path, bytes, openedAt: (await stat(join(path, IDENTITY))).mtimeMs };
    }),
  );
}

/**
 * Rows by key on disk, in shards that are written whole, read with their checksum, and bounded in size. A failed read
 * or write is no error: the row counts as absent.
 */
export class ShardFolder {
  readonly #options: ShardFolderOptions;
  readonly #id: string;
  readonly #own: string;
  readonly #shardBytes: number;
  readonly #index = new Map<string, ShardEntry>();
  readonly #pending = new Map<string, Uint16Array>();
  #pendingBytes = 0;
  /** No room is left, or writing failed. */
  #isFull = false;

  private constructor(options: ShardFolderOptions) {
    this.#options = options;
    const text = JSON.stringify(options.identity);
    this.#id = createHash('sha256').update(text).digest('hex');
    this.#own = join(options.folder, this.#id.slice(0, 16));
    this.#shardBytes = Math.min(SHARD_BYTES, options.maxBytes / 4);
  }

  static async open(options: ShardFolderOptions): Promise<ShardFolder> {
    const opened = new ShardFolder(options);
    await opened.#open();
    return opened;
  }

  async #open(): Promise<void> {
    await mkdir(this.#own, { recursive: true });
    await writeJsonAtomic(join(this.#own, IDENTITY), this.#options.identity);
    for (const name of await readdir(this.#own)) {
      const file = join(this.#own, name);
      if (name.endsWith('.safetensors')) await this.#addShard(file);
      else if (name.endsWith('.tmp') && Date.now() - (await stat(file)).mtimeMs > STALE_MS) await rm(file);
    }
  }

  async #addShard(file: string): Promise<void> {
    try {
      for (const [key, entry] of await indexShard(file, this.#id)) this.#index.set(key, entry);
    } catch (error) {
      await this.#drop(file, error);
    }
  }

  /** Removes a damaged shard, whose rows are computed again; leaves out a shard that cannot be read now. */
  async #drop(file: string, error: unknown): Promise<void> {
    for (const [key, entry] of this.#index) if (entry.file === file) this.#index.delete(key);
    const isDamaged = error instanceof CorruptDataError || error instanceof SyntaxError;
    if (isDamaged) await rm(file, { force: true });
    this.#options.onWarning(`${(error as Error).message} It was ${isDamaged ? 'removed' : 'left out'}.`);
  }

  async read(key: string): Promise<Uint16Array | null> {
    const pending = this.#pending.get(key);
    if (pending !== undefined) return pending;
    const entry = this.#index.get(key);
    if (entry === undefined) return null;
    try {
      return await readEntry(key, entry);
    } catch (error) {
      await this.#drop(entry.file, error);
      return null;
    }
  }

  async write(key: string, row: Uint16Array): Promise<void> {
    if (this.#isFull) return;
    this.#pending.set(key, row);
    this.#pendingBytes += row.byteLength;
    if (this.#pendingBytes >= this.#shardBytes || this.#pending.size >= MOST_ROWS) await this.flush();
  }

  /** Writes the pending rows as a shard. */
  async flush(): Promise<void> {
    if (this.#pending.size === 0) return;
    const { width } = this.#options;
    try {
      // checksums and offsets take room beside the states
      if (await this.#makeRoom(this.#pendingBytes + 300 * this.#pending.size + 1024)) {
        const written = await writeShard(this.#own, this.#id, width, this.#pending);
        for (const [key, entry] of written) this.#index.set(key, entry);
      } else this.#stop(`is full (${this.#options.maxBytes} bytes)`);
    } catch (error) {
      this.#stop(`cannot be written to: ${(error as Error).message}`);
    }
    this.#pending.clear();
    this.#pendingBytes = 0;
  }

  #stop(reason: string): void {
    this.#isFull = true;
    this.#options.onWarning(
      `Hidden-state cache ${this.#options.folder} ${reason}; the rest is computed each time.`,
    );
  }

  /**
   * Makes room by removing the states of other bases and points, least recently opened first. Never removes its own:
   * rows are read in cycles, so that a removed row would be the next one needed.
   */
  async #makeRoom(needed: number): Promise<boolean> {
    const { folder, maxBytes } = this.#options;
    const all = await partsOf(folder);
    let used = all.reduce((sum, { bytes }) => sum + bytes, 0);
    const others = all.filter(({ path }) => path !== this.#own).sort((a, b) => a.openedAt - b.openedAt);
    const own = used - others.reduce((sum, { bytes }) => sum + bytes, 0);
    if (own + needed > maxBytes) return false;
    for (const { path, bytes } of others) {
      if (used + needed <= maxBytes) break;
      await rm(path, { recursive: true, force: true });
      used -= bytes;
    }
    return true;
  }
}
