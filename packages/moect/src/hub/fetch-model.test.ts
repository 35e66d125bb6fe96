import { lstat, mkdtemp, readdir, readFile, readlink, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fixture } from 'moect-test-support/fixtures';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { COMMIT, type HubServer, REPO, serveHub } from '../testing/hub-server.ts';
import { type FetchedModel, type FetchOptions, fetchModel } from './fetch-model.ts';
import { HubError } from './hub-error.ts';
import { parseHubName } from './hub-name.ts';
import type { HubSettings } from './hub-settings.ts';

const GGUFS = {
  'tiny-Q4_K_M.gguf': Buffer.from('first'),
  'more/tiny-Q8_0.gguf': Buffer.from('second'),
  'README.md': Buffer.from('never fetched'),
  'pytorch_model.bin': Buffer.from('nor this'),
};
const SHARD = 'model.safetensors';

let folder: string;
let hub: HubServer;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'moect-hub-'));
  hub = await serveHub(fixture('stories260k-hf'), GGUFS);
});
afterEach(async () => {
  await hub.close();
  await rm(folder, { recursive: true });
});

const settings = (changed: Partial<HubSettings> = {}): HubSettings => {
  return { endpoint: hub.origin, token: null, cacheFolder: folder, isOffline: false, ...changed };
};

function fetchIt(
  name = REPO,
  options: FetchOptions = {},
  changed: Partial<HubSettings> = {},
): Promise<FetchedModel> {
  return fetchModel(parseHubName(name)!, options, settings(changed));
}

async function refused(name = REPO, changed: Partial<HubSettings> = {}): Promise<HubError> {
  const error = await fetchIt(name, {}, changed).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(HubError);
  return error as HubError;
}

const repoFolder = (): string => join(folder, `models--${REPO.replace('/', '--')}`);
const weights = (): Promise<Buffer> => readFile(join(fixture('stories260k-hf'), SHARD));
/** Byte for byte; an expectation on a megabyte takes seconds. */
const holdsWeights = async (path: string): Promise<boolean> => (await readFile(path)).equals(await weights());
const partOf = (): string => join(repoFolder(), 'blobs', `${hub.sha256(SHARD)}.incomplete`);

describe('a model of the hub', () => {
  it('lies in the cache as Python keeps it: blobs, a snapshot of links, a ref; only what is needed', async () => {
    const progress: [number, number][] = [];
    const { path, commit, place, notes } = await fetchIt(REPO, { onProgress: (...at) => progress.push(at) });
    expect({ path, commit, place, notes }).toEqual({
      path: join(repoFolder(), 'snapshots', COMMIT),
      commit: COMMIT,
      place: `${REPO}@${COMMIT}`,
      notes: [],
    });
    expect((await readdir(path)).sort()).toEqual([
      'config.json',
      'generation_config.json',
      SHARD,
      'special_tokens_map.json',
      'tokenizer.json',
      'tokenizer_config.json',
    ]);
    expect((await lstat(join(path, SHARD))).isSymbolicLink()).toBe(true);
    expect(await readlink(join(path, SHARD))).toBe(join('..', '..', 'blobs', hub.sha256(SHARD)));
    expect(await holdsWeights(join(path, SHARD))).toBe(true);
    expect(await readFile(join(repoFolder(), 'refs/main'), 'utf8')).toBe(COMMIT);
    expect((await readdir(join(repoFolder(), 'blobs'))).some((name) => name.includes('incomplete'))).toBe(
      false,
    );
    expect(progress.at(-1)![0]).toBe(progress.at(-1)![1]);
  });

  it('is downloaded once; then one request says that nothing changed', async () => {
    await fetchIt();
    const [bytes, requests] = [hub.sentBytes(), hub.requests.length];
    await fetchIt();
    expect(hub.sentBytes()).toBe(bytes);
    expect(hub.requests.slice(requests)).toEqual([`/api/models/${REPO}/revision/main`]);
  });

  it('is one GGUF file where one is named, by its path or its quantisation', async () => {
    for (const [name, file] of [
      [`${REPO}:Q4_K_M`, 'tiny-Q4_K_M.gguf'],
      [`${REPO}/more/tiny-Q8_0.gguf`, 'more/tiny-Q8_0.gguf'],
      [`${REPO}@main:q8_0`, 'more/tiny-Q8_0.gguf'],
    ] as const) {
      const { path, place } = await fetchIt(name);
      expect(path).toBe(join(repoFolder(), 'snapshots', COMMIT, file));
      expect(place).toBe(`${REPO}@${COMMIT}/${file}`);
      expect(await readFile(path)).toEqual(GGUFS[file]);
    }
    expect((await refused(`${REPO}:Q2_K`)).message).toBe(
      `${REPO} has no GGUF file Q2_K. It has tiny-Q4_K_M.gguf, more/tiny-Q8_0.gguf.`,
    );
  });
});

describe('a download', () => {
  it('goes on from the bytes that are there, also over connections that break off', async () => {
    const all = await weights();
    await fetchIt(`${REPO}:Q8_0`);
    await writeFile(partOf(), all.subarray(0, 400_000));
    hub.faults.breakAfter = 300_000;
    const before = hub.sentBytes();
    const { path } = await fetchIt();
    expect(await holdsWeights(join(path, SHARD))).toBe(true);
    // what was on its way when a connection ended is asked for again; and each connection begins with one byte
    expect(hub.sentBytes() - before).toBeGreaterThanOrEqual(all.length - 400_000);
    expect(hub.sentBytes() - before).toBeLessThan(all.length - 400_000 + 200_000);
  });

  it('begins anew where the part is torn, too long, or the server sends whole files only', async () => {
    const all = await weights();
    await fetchIt(`${REPO}:Q8_0`);
    for (const spoil of [
      async () => writeFile(partOf(), Buffer.alloc(500_000)),
      async () => writeFile(partOf(), Buffer.alloc(all.length + 1)),
      async () => {
        await writeFile(partOf(), all.subarray(0, 1000));
        hub.faults.ignoresRanges = true;
      },
    ]) {
      await spoil();
      const { path } = await fetchIt();
      expect(await holdsWeights(join(path, SHARD))).toBe(true);
      await rm(join(repoFolder(), 'blobs', hub.sha256(SHARD)));
    }
  });

  it('with another checksum than the hub says is refused and removed', async () => {
    hub.faults.lies = true;
    const { message, isRetryable } = await refused();
    expect(message).toMatch(/model\.safetensors has another checksum than it should have .* was removed/);
    expect(isRetryable).toBe(true);
    const left = await readdir(join(repoFolder(), 'blobs'));
    expect(left.some((name) => name.startsWith(hub.sha256(SHARD)))).toBe(false);
    hub.faults.lies = false;
    const { path } = await fetchIt();
    expect(await holdsWeights(join(path, SHARD))).toBe(true);
  });

  it('keeps its bytes when it is aborted', async () => {
    const abort = new AbortController();
    hub.faults.pauseMs = 5;
    const onProgress = (loaded: number): void => {
      if (loaded > 200_000) abort.abort(new Error('enough'));
    };
    await expect(fetchIt(REPO, { signal: abort.signal, onProgress })).rejects.toThrow('enough');
    expect((await stat(partOf())).size).toBeGreaterThan(100_000);
  });

  it('that the disk has no room for is refused before it begins', async () => {
    hub.faults.claimedBytes = 4e15;
    const { message, isRetryable } = await refused();
    expect(message).toMatch(
      /needs 4,000,000,0\d\d MB more, and the disk of .* has [\d,]+ MB free\. Free some room/,
    );
    expect(isRetryable).toBe(true);
    expect(hub.sentBytes()).toBe(0);
  });

  it('by two at once is whole', async () => {
    hub.faults.pauseMs = 1;
    const [one, two] = await Promise.all([fetchIt(), fetchIt()]);
    expect(one).toEqual(two);
    expect(await holdsWeights(join(one.path, SHARD))).toBe(true);
  });
});

describe('a hub that does not give the model', () => {
  it.each([
    [{ status: 503 }, /answers 503\. Run the same again/, true],
    [{ status: 429 }, /too many requests from here \(429\)/, true],
    [{ status: 200, body: '<html>log in</html>' }, /no JSON, perhaps the page of a proxy/, true],
    [{ status: 401, code: 'RepoNotFound' }, /has no model tests\/tiny-model, or it is private/, false],
    [{ status: 404, code: 'RepoNotFound' }, /has no model tests\/tiny-model/, false],
    [{ status: 400 }, /answers 400/, false],
  ])('%j', async (answer, message, isRetryable) => {
    hub.faults.answer = answer;
    const error = await refused();
    expect(error.message).toMatch(message);
    expect(error.isRetryable).toBe(isRetryable);
  });

  it('names a revision that is not there', async () => {
    expect((await refused(`${REPO}@nowhere`)).message).toContain(`${REPO} has no revision 'nowhere'.`);
  });

  it('says what a gated model needs, with and without a token', async () => {
    hub.faults.token = 'hf_right';
    const without = await refused();
    expect(without.message).toContain(`${REPO} is gated. Accept its conditions at ${hub.origin}/${REPO}.`);
    expect(without.message).toContain('Then set HF_TOKEN');
    expect(without.isRetryable).toBe(false);
    expect((await refused(REPO, { token: 'hf_wrong' })).message).toContain('Your token is known');
    expect((await refused(REPO, { token: 'secret' })).message).toMatch(/^The token in use is none of a hub/);
    const { path } = await fetchIt(REPO, {}, { token: 'hf_right' });
    expect(await holdsWeights(join(path, SHARD))).toBe(true);
  });

  it('that cannot be reached: a whole copy in the cache is used, with a note', async () => {
    const nobody = { endpoint: 'http://127.0.0.1:9' };
    const error = await refused(REPO, nobody);
    expect(error.message).toMatch(/^http:\/\/127\.0\.0\.1:9 cannot be reached \(.+\)\. Run the same again/);
    expect(error.isRetryable).toBe(true);
    const first = await fetchIt();
    const again = await fetchIt(REPO, {}, nobody);
    expect(again.path).toBe(first.path);
    expect(again.notes[0]).toMatch(/cannot be reached .* The copy in the cache is used/);
  });

  it('is not asked when HF_HUB_OFFLINE is set', async () => {
    const offline = { isOffline: true };
    expect((await refused(REPO, offline)).message).toMatch(
      /HF_HUB_OFFLINE is set, and the cache .* has no whole copy/,
    );
    await fetchIt(`${REPO}:Q8_0`);
    expect((await refused(REPO, offline)).message).toContain(
      'lacks config.json, tokenizer.json, model.safetensors',
    );
    await fetchIt();
    const requests = hub.requests.length;
    expect((await fetchIt(REPO, {}, offline)).commit).toBe(COMMIT);
    expect((await fetchIt(`${REPO}@${COMMIT}:Q8_0`, {}, offline)).path).toMatch(/Q8_0\.gguf$/);
    expect(hub.requests).toHaveLength(requests);
  });
});
