import { downloadFile, listFiles, modelInfo } from '@huggingface/hub';
import { HubError, type HubFailure, refusal, unreachable } from './hub-error.ts';
import type { HubSettings } from './hub-settings.ts';

/** A file of a repository at a commit. */
export interface RemoteFile {
  readonly path: string;
  readonly size: number;
  /** Name of its content in the cache, and its checksum. */
  readonly etag: string;
  /** What the checksum is: SHA-256 of the content, or git's SHA-1 of a blob. */
  readonly checksum: 'sha256' | 'git-sha1';
}

/** A server that ignored the range of a request. */
export class RangeIgnoredError extends Error {}

/** The hub, as far as it is needed. Every error is a HubError or the signal's reason. */
export interface HubClient {
  /** Commit of a revision, and the paths of all files. */
  describe(repo: string, revision: string | null): Promise<{ commit: string; paths: string[] }>;
  /** Sizes and checksums of all files of a commit. */
  list(repo: string, commit: string): Promise<RemoteFile[]>;
  /** Bytes of a file from `begin` on. Throws RangeIgnoredError. */
  read(repo: string, commit: string, file: RemoteFile, begin: number): AsyncIterable<Uint8Array>;
}

/** Time without a byte after which a connection counts as dead. */
const STALL_MS = 60_000;

interface Watched {
  readonly fetch: typeof fetch;
  /** What went wrong last: an answer, or the reason why there is none. */
  failure(): HubFailure | RangeIgnoredError | null;
}

/** A fetch that ends with the signal, and remembers failures that the client turns into words. */
function watchedFetch(signal: AbortSignal | undefined): Watched {
  let failure: HubFailure | RangeIgnoredError | null = null;
  return {
    failure: () => failure,
    async fetch(input, init = {}) {
      const response = await fetch(input, { ...init, ...(signal && { signal }) });
      failure = response.ok ? null : { status: response.status, code: response.headers.get('X-Error-Code') };
      const range = new Headers(init.headers).get('Range');
      if (response.status === 200 && range !== null && !range.startsWith('bytes=0-')) {
        await response.body?.cancel();
        failure = new RangeIgnoredError('the server sends whole files only');
        throw failure;
      }
      return response;
    },
  };
}

async function* withoutStalls(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = stream.getReader();
  try {
    for (;;) {
      let timer: NodeJS.Timeout | undefined;
      const stalled = new Promise<never>((_, reject) => {
        timer = setTimeout(() => reject(new Error(`no byte in ${STALL_MS / 1000} s`)), STALL_MS);
      });
      const { done, value } = await Promise.race([reader.read(), stalled]).finally(() => clearTimeout(timer));
      if (done) return;
      yield value;
    }
  } finally {
    reader.cancel().catch(() => undefined);
  }
}

/** Opens the hub of the settings. Aborting the signal ends what is under way. Throws HubError for a token that is none. */
export function createHubClient(settings: HubSettings, signal?: AbortSignal): HubClient {
  const { endpoint, token } = settings;
  if (token !== null && !token.startsWith('hf_')) {
    const hint = "One begins with 'hf_'; correct HF_TOKEN or the file that holds it.";
    throw new HubError('The token in use is none of a hub.', hint, false);
  }
  const access = { hubUrl: endpoint, ...(token !== null && { accessToken: token }) };
  const translate = (error: unknown, watched: Watched, repo: string, revision: string | null): unknown => {
    if (signal?.aborted === true) return signal.reason;
    const failure = watched.failure();
    if (failure instanceof RangeIgnoredError || error instanceof HubError) return failure ?? error;
    if (failure !== null) return refusal(failure, { endpoint, repo, revision, hasToken: token !== null });
    if (error instanceof SyntaxError) {
      const what = `${endpoint} answers with something that is no JSON, perhaps the page of a proxy.`;
      return new HubError(what, 'Check HF_ENDPOINT and the network.', true, error);
    }
    return unreachable(endpoint, error);
  };
  const attempt = async <T>(
    repo: string,
    revision: string | null,
    work: (watched: Watched) => Promise<T>,
  ): Promise<T> => {
    signal?.throwIfAborted();
    const watched = watchedFetch(signal);
    try {
      return await work(watched);
    } catch (error) {
      throw translate(error, watched, repo, revision);
    }
  };
  return {
    describe: (repo, revision) =>
      attempt(repo, revision, async ({ fetch }) => {
        const fields = ['sha', 'filePaths'] as const;
        const asked = { name: repo, additionalFields: [...fields], revision: revision ?? 'main' };
        const { sha, filePaths } = await modelInfo({ ...access, ...asked, fetch });
        if (/^[0-9a-f]{40}$/.test(sha)) return { commit: sha, paths: filePaths };
        throw new SyntaxError('no commit');
      }),
    list: (repo, commit) =>
      attempt(repo, commit, async ({ fetch }) => {
        const files: RemoteFile[] = [];
        for await (const entry of listFiles({ ...access, repo, revision: commit, recursive: true, fetch })) {
          const { path, size, oid, lfs } = entry;
          if (entry.type !== 'file' || (lfs === undefined && oid === undefined)) continue;
          files.push({ path, size, etag: lfs?.oid ?? oid!, checksum: lfs ? 'sha256' : 'git-sha1' });
        }
        return files;
      }),
    async *read(repo, commit, { path, size, etag }, begin) {
      signal?.throwIfAborted();
      const watched = watchedFetch(signal);
      try {
        const address = path.split('/').map(encodeURIComponent).join('/');
        // the listing has told all that the client would ask for first
        const downloadInfo = { size, etag, url: `${endpoint}/${repo}/resolve/${commit}/${address}` };
        const from = { ...access, repo, path, revision: commit, downloadInfo, fetch: watched.fetch };
        const blob = await downloadFile(from);
        if (blob === null) throw new HubError(`${repo} has no file ${path}.`, 'Check the name.', false);
        yield* withoutStalls(blob.slice(begin, size).stream() as ReadableStream<Uint8Array>);
      } catch (error) {
        throw translate(error, watched, repo, commit);
      }
    },
  };
}
