import { cp, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fixture } from 'moect-test-support/fixtures';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { openBase } from './open-base.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'moect-digest-'));
  vi.stubEnv('XDG_CACHE_HOME', join(folder, 'cache'));
  await cp(fixture('before-front-door/base'), join(folder, 'base'), { recursive: true });
  await age();
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true });
});

const weights = (): string => join(folder, 'base', 'model.safetensors');

/** Files that were written long ago. */
async function age(seconds = 100): Promise<void> {
  const time = new Date(Date.now() - 1000 * seconds);
  for (const name of await readdir(join(folder, 'base')))
    await utimes(join(folder, 'base', name), time, time);
}

async function remembered(): Promise<string[]> {
  return readdir(join(folder, 'cache/moect/base-digests')).catch(() => []);
}

const open = () => openBase(join(folder, 'base'), { backend: 'cpu' });

async function digest(): Promise<string> {
  const base = await open();
  base.dispose();
  return base.identity.sha256;
}

async function plant(sha256: string): Promise<void> {
  const file = join(folder, 'cache/moect/base-digests', (await remembered())[0]!);
  await writeFile(file, JSON.stringify({ ...JSON.parse(await readFile(file, 'utf8')), sha256 }));
}

describe('the digest of a base', () => {
  it('is remembered, and taken from there as long as the files are the same', async () => {
    const first = await digest();
    expect(await remembered()).toHaveLength(1);
    const planted = 'ab'.repeat(32);
    await plant(planted);
    expect(await digest()).toBe(planted);
    await age(50);
    expect(await digest()).toBe(first);
  });

  it('is computed again for other weights, and never kept for a file that may still change', async () => {
    const first = await digest();
    await rm(join(folder, 'cache'), { recursive: true });
    const bytes = await readFile(weights());
    bytes[bytes.length - 1]! ^= 1;
    await writeFile(weights(), bytes);
    expect(await digest()).not.toBe(first);
    expect(await remembered()).toHaveLength(0);
  });

  it('is checked against what is in memory before anything is proved with it', async () => {
    await digest();
    await plant('cd'.repeat(32));
    const base = await open();
    await expect(base.heldSha256()).rejects.toThrow(/its weights are others than before.*forgotten/s);
    base.dispose();
    expect(await remembered()).toHaveLength(0);
    const again = await open();
    expect(await again.heldSha256()).toBe(again.identity.sha256);
    again.dispose();
  });

  it('does not need the cache folder', async () => {
    await writeFile(join(folder, 'cache'), 'a file');
    expect(await digest()).toMatch(/^[0-9a-f]{64}$/);
  });

  it('of a pack made before is recognised in every storage', async () => {
    const pack = await readFile(fixture('before-front-door/moe-ct/extension/moect_config.json'), 'utf8');
    const { sha256 } = JSON.parse(pack).base;
    for (const storage of ['float32', 'bfloat16', 'int8'] as const) {
      const base = await openBase(join(folder, 'base'), { backend: 'wasm', threads: 1, storage });
      expect(base.identity.sha256).not.toBe(sha256);
      expect(await base.isIdentifiedBy(sha256)).toBe(true);
      expect(await base.isIdentifiedBy('0'.repeat(64))).toBe(false);
      base.dispose();
    }
  });
});
