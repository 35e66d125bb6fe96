import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fixture } from 'moect-test-support/fixtures';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { openBase } from '../base/open-base.ts';
import { modelCard } from '../extension/model-card.ts';
import { COMMIT, type HubServer, REPO, serveHub } from '../testing/hub-server.ts';
import { runHere, startProcess } from '../testing/run-cli.ts';

let folder: string;
let hub: HubServer;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'moect-hub-cli-'));
  hub = await serveHub(fixture('stories260k-hf'));
  vi.stubEnv('HF_ENDPOINT', hub.origin);
  vi.stubEnv('HF_HUB_CACHE', folder);
  vi.stubEnv('MOECT_THREADS', '1');
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await hub.close();
  await rm(folder, { recursive: true });
});

const SHARD = 'model.safetensors';
const generate = (base = REPO): string[] => {
  return ['generate', '--base', base, '--prompt', 'Once', '--max-new-tokens', '3', '--backend', 'wasm'];
};
const part = (): string =>
  join(folder, `models--${REPO.replace('/', '--')}`, 'blobs', `${hub.sha256(SHARD)}.incomplete`);

/** Waits until an interrupted download would leave some of the file. */
async function untilBytesAreThere(bytes: number): Promise<void> {
  for (;;) {
    const size = await stat(part()).then(
      (found) => found.size,
      () => 0,
    );
    if (size >= bytes) return;
    await sleep(20);
  }
}

describe('a base of the hub on the command line', { timeout: 120_000 }, () => {
  it('goes on after kill -9 with the bytes that were there', async () => {
    hub.faults.pauseMs = 30;
    const { child, finished } = startProcess(generate());
    await untilBytesAreThere(300_000);
    child.kill('SIGKILL');
    await finished;
    const { size } = await stat(part());
    const whole = (await stat(join(fixture('stories260k-hf'), SHARD))).size;
    expect(size).toBeLessThan(whole);
    const before = hub.sentBytes();
    hub.faults.pauseMs = 0;
    const { code, stdout, stderr } = await startProcess(generate()).finished;
    expect(code, stderr).toBe(0);
    expect(stdout).toMatch(/^Once/);
    expect(hub.sentBytes() - before).toBe(whole - size);
    expect(stderr).toMatch(/fetching tests\/tiny-model: 1 of 1 MB/);
  });

  it('keeps what is there at Ctrl-C, and ends with 130', async () => {
    hub.faults.pauseMs = 30;
    const { child, finished } = startProcess(generate());
    await untilBytesAreThere(200_000);
    child.kill('SIGINT');
    const { code, stderr } = await finished;
    expect(stderr).toContain('Interrupted. What was downloaded is kept');
    expect(code).toBe(130);
    expect((await stat(part())).size).toBeGreaterThanOrEqual(200_000);
  });

  it('that cannot be had now gives 75, one that cannot be had at all 65, each in one line', async () => {
    hub.faults.answer = { status: 503 };
    const busy = await runHere(generate());
    expect(busy.stderr).toMatch(
      /^moect: There is no folder or file tests\/tiny-model here\. As a name of the hub: .* 503\./,
    );
    expect(busy.code).toBe(75);
    hub.faults.answer = null;
    const unknown = await runHere(generate('tests/nobody'));
    expect(unknown.stderr).toContain('has no model tests/nobody');
    expect(unknown.code).toBe(65);
    const local = await runHere(generate('./tests/nobody'));
    expect(local.stderr).toMatch(/there is no .*tests.nobody\n.*named 'org\/name', without a dot/s);
    expect(local.code).toBe(65);
    expect(unknown.stderr.trim().split('\n')).toHaveLength(1);
  });

  it('is the base of a pack: its card and its record name it, and the run goes on with it', async () => {
    const texts = ['--text', join(folder, 'swh_Latn.txt'), '--tokens', '256'];
    await writeFile(join(folder, 'swh_Latn.txt'), 'habari ya dunia nzima\n'.repeat(60));
    const output = ['--output', join(folder, 'run')];
    const trained = await runHere(['train', '--base', REPO, ...texts, ...output, '--backend', 'wasm']);
    expect(trained.code, trained.stderr).toBe(0);
    const card = await readFile(join(folder, 'run/extension/README.md'), 'utf8');
    expect(card).toContain(`base_model: ${REPO}\n`);
    const { base } = JSON.parse(await readFile(join(folder, 'run/extension/moect_config.json'), 'utf8'));
    expect(base).toMatchObject({ id: REPO, revision: COMMIT });
    const resolved = JSON.parse(await readFile(join(folder, 'run/resolved.json'), 'utf8'));
    expect(resolved.base).toBe(`${REPO}@${COMMIT}`);
    const resumed = await runHere(['train', ...output, '--resume']);
    expect(resumed.code, resumed.stderr).toBe(0);
  });

  it('in its snapshot is still the model of the hub; another folder is none, unless it is named', async () => {
    await runHere(generate());
    const snapshot = join(folder, `models--${REPO.replace('/', '--')}`, 'snapshots', COMMIT);
    const cardOf = async (place: string, id?: string): Promise<string> => {
      const base = await openBase(place, { backend: 'cpu', ...(id !== undefined && { id }) });
      const { identity } = base;
      base.dispose();
      const rest = {
        schema: 'moect-extension/1',
        method: 'lora',
        config: {},
        combine: 'gate',
        preset: null,
      } as const;
      const more = { languages: [], license: null, parameters: 1, dtype: 'f32', training: null } as const;
      return modelCard('pack', { ...rest, ...more, base: identity });
    };
    expect(await cardOf(snapshot)).toContain(`base_model: ${REPO}\n`);
    expect(await cardOf(fixture('stories260k-hf'))).not.toContain('base_model');
    expect(await cardOf(fixture('stories260k-hf'), 'org/name')).toContain('base_model: org/name\n');
  });
});
