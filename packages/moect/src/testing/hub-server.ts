import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** What the server does otherwise than it should. All of it may be changed at any time. */
export interface HubFaults {
  /** Milliseconds between two pieces of 16 kB of a large file. */
  pauseMs: number;
  /** Connections for large files end after this many bytes. */
  breakAfter: number;
  /** Large files are sent whole whatever is asked. */
  ignoresRanges: boolean;
  /** The last byte of large files is wrong. */
  lies: boolean;
  /** Size that the listing names for weights. */
  claimedBytes: number | null;
  /** Every answer, in place of the right one. */
  answer: { readonly status: number; readonly body?: string; readonly code?: string } | null;
  /** Files need this token. */
  token: string | null;
}

export interface HubServer {
  readonly origin: string;
  readonly faults: HubFaults;
  /** Paths of all requests. */
  readonly requests: string[];
  /** Bytes of large files that were sent. */
  sentBytes(): number;
  /** SHA-256 of a file of the repository. */
  sha256(path: string): string;
  close(): Promise<void>;
}

/** Commit of the one revision, `main`. */
export const COMMIT = '0123456789abcdef0123456789abcdef01234567';
export const REPO = 'tests/tiny-model';

interface Served {
  readonly bytes: Buffer;
  readonly sha256: string;
  readonly gitSha1: string;
  readonly isLarge: boolean;
}

const hashOf = (name: string, ...pieces: (string | Buffer)[]): string => {
  const hash = createHash(name);
  for (const piece of pieces) hash.update(piece);
  return hash.digest('hex');
};

async function readAll(
  folder: string,
  extra: Readonly<Record<string, Buffer>>,
): Promise<Map<string, Served>> {
  const files = new Map<string, Served>();
  const add = (path: string, bytes: Buffer): void => {
    const gitSha1 = hashOf('sha1', `blob ${bytes.length}\0`, bytes);
    const isLarge = /\.(safetensors|gguf)$/.test(path);
    files.set(path, { bytes, sha256: hashOf('sha256', bytes), gitSha1, isLarge });
  };
  for (const name of await readdir(folder)) add(name, await readFile(join(folder, name)));
  for (const [path, bytes] of Object.entries(extra)) add(path, bytes);
  return files;
}

const noFaults = (): HubFaults => ({
  pauseMs: 0,
  breakAfter: Number.POSITIVE_INFINITY,
  ignoresRanges: false,
  lies: false,
  claimedBytes: null,
  answer: null,
  token: null,
});

/**
 * A hub on the loopback interface with one model: its API for models, and files with ranges, etags, checksums and the
 * redirect of large files to a store of their own.
 */
export async function serveHub(
  folder: string,
  extra: Readonly<Record<string, Buffer>> = {},
): Promise<HubServer> {
  const files = await readAll(folder, extra);
  const faults = noFaults();
  const requests: string[] = [];
  let sent = 0;

  const json = (response: ServerResponse, value: unknown): void => {
    response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(value));
  };
  const refuse = (response: ServerResponse, status: number, code: string): void => {
    response.writeHead(status, { 'Content-Type': 'application/json', 'X-Error-Code': code });
    response.end(JSON.stringify({ error: code }));
  };
  const rangeOf = ({ headers }: IncomingMessage, size: number): [number, number] | null => {
    const match = /^bytes=(\d+)-(\d*)$/.exec(headers.range ?? '');
    return match === null
      ? null
      : [Number(match[1]), Math.min(size - 1, match[2] ? Number(match[2]) : size - 1)];
  };
  const describe = (response: ServerResponse): void =>
    json(response, {
      _id: '1',
      id: REPO,
      sha: COMMIT,
      private: false,
      gated: faults.token === null ? false : 'auto',
      downloads: 0,
      likes: 0,
      lastModified: new Date(0).toISOString(),
      siblings: [...files.keys()].map((rfilename) => ({ rfilename })),
    });
  const tree = (response: ServerResponse): void =>
    json(
      response,
      [...files].map(([path, { bytes, sha256, gitSha1, isLarge }]) => {
        const size = isLarge && faults.claimedBytes !== null ? faults.claimedBytes : bytes.length;
        const lfs = { oid: sha256, size, pointerSize: 130 };
        return {
          type: 'file',
          path,
          size,
          oid: isLarge ? hashOf('sha1', path) : gitSha1,
          ...(isLarge && { lfs }),
        };
      }),
    );
  const sendSlowly = async (response: ServerResponse, bytes: Buffer): Promise<void> => {
    for (let at = 0; at < bytes.length && !response.destroyed; at += 16_384) {
      const piece = bytes.subarray(at, Math.min(at + 16_384, faults.breakAfter));
      response.write(piece);
      sent += piece.length;
      if (at + piece.length >= faults.breakAfter) {
        // what was written must arrive before the connection ends
        await sleep(50);
        response.destroy();
        return;
      }
      if (faults.pauseMs > 0) await sleep(faults.pauseMs);
    }
    response.end();
  };
  const large = async (request: IncomingMessage, response: ServerResponse, sha256: string): Promise<void> => {
    const file = [...files.values()].find((one) => one.sha256 === sha256)!;
    const bytes = Buffer.from(file.bytes);
    if (faults.lies) bytes[bytes.length - 1]! ^= 1;
    const range = faults.ignoresRanges ? null : rangeOf(request, bytes.length);
    const [begin, end] = range ?? [0, bytes.length - 1];
    response.writeHead(range === null ? 200 : 206, {
      'Content-Length': end - begin + 1,
      ETag: `"${sha256}"`,
      ...(range && { 'Content-Range': `bytes ${begin}-${end}/${bytes.length}` }),
    });
    await sendSlowly(response, bytes.subarray(begin, end + 1));
  };
  const resolve = (request: IncomingMessage, response: ServerResponse, path: string): void => {
    const file = files.get(path);
    const { authorization } = request.headers;
    if (file === undefined) {
      refuse(response, 404, 'EntryNotFound');
      return;
    }
    if (faults.token !== null && authorization !== `Bearer ${faults.token}`) {
      refuse(response, authorization === undefined ? 401 : 403, 'GatedRepo');
      return;
    }
    const { bytes, sha256, gitSha1, isLarge } = file;
    if (isLarge) {
      response.writeHead(302, {
        Location: `/store/${sha256}`,
        'X-Linked-Size': bytes.length,
        'X-Linked-ETag': `"${sha256}"`,
      });
      response.end();
      return;
    }
    const range = rangeOf(request, bytes.length);
    const [begin, end] = range ?? [0, bytes.length - 1];
    response.writeHead(range === null ? 200 : 206, {
      ETag: `"${gitSha1}"`,
      ...(range && { 'Content-Range': `bytes ${begin}-${end}/${bytes.length}` }),
    });
    response.end(bytes.subarray(begin, end + 1));
  };
  const server = createServer((request, response) => {
    const path = decodeURIComponent(new URL(request.url ?? '/', 'http://hub').pathname);
    requests.push(path);
    if (faults.answer !== null) {
      const { status, body = '', code } = faults.answer;
      response
        .writeHead(status, { 'Content-Type': 'text/html', ...(code && { 'X-Error-Code': code }) })
        .end(body);
    } else if (
      path === `/api/models/${REPO}/revision/main` ||
      path === `/api/models/${REPO}/revision/${COMMIT}`
    ) {
      describe(response);
    } else if (path.startsWith(`/api/models/${REPO}/revision/`)) refuse(response, 404, 'RevisionNotFound');
    else if (path.startsWith(`/api/models/${REPO}/tree/${COMMIT}`)) tree(response);
    else if (path.startsWith(`/${REPO}/resolve/${COMMIT}/`)) {
      resolve(request, response, path.slice(`/${REPO}/resolve/${COMMIT}/`.length));
    } else if (path.startsWith('/store/')) void large(request, response, path.slice('/store/'.length));
    else refuse(response, 401, 'RepoNotFound');
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  return {
    origin: `http://127.0.0.1:${port}`,
    faults,
    requests,
    sentBytes: () => sent,
    sha256: (path) => files.get(path)!.sha256,
    close: () =>
      new Promise((done) => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
}
