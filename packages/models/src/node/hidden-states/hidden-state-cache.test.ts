import { spawn } from 'node:child_process';
import { cp, mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BaseModel, InvalidConfigError, type SequenceBatch } from '@moect/core';
import { leakedTensors, selectBackend } from '@moect/tensor/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { deepLlama } from '../../testing/deep-llama.ts';
import { numberedBatch } from '../../testing/numbered-batch.ts';
import { type HiddenStateCache, openHiddenStateCache } from './hidden-state-cache.ts';

let base: BaseModel;
let folder: string;
let warnings: string[];
beforeAll(async () => {
  await selectBackend('wasm');
  base = deepLlama(1);
});
afterAll(() => base.dispose());
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'moect-hidden-'));
  warnings = [];
});
afterEach(() => rm(folder, { recursive: true }));

const open = (more: object = {}): Promise<HiddenStateCache> =>
  openHiddenStateCache({
    base,
    baseSha256: 'one',
    layer: 3,
    at: 'block',
    folder,
    onWarning: (message) => warnings.push(message),
    ...more,
  });

async function values(cache: HiddenStateCache, batch: SequenceBatch): Promise<number[]> {
  const hidden = await cache.hiddenStates(batch);
  const found = [...(await hidden.data())];
  hidden.dispose();
  return found;
}

async function fill(count: number, more: object = {}): Promise<number[][]> {
  const cache = await open(more);
  const all: number[][] = [];
  for (let number = 0; number < count; number++) all.push(await values(cache, numberedBatch(number)));
  await cache.close();
  return all;
}

async function shards(): Promise<string[]> {
  const found = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith('.safetensors'));
  return found.map((name) => join(folder, name));
}

async function totalBytes(): Promise<number> {
  const names = await readdir(folder, { recursive: true, withFileTypes: true });
  const sizes = names
    .filter((n) => n.isFile())
    .map(async (n) => (await stat(join(n.parentPath, n.name))).size);
  return (await Promise.all(sizes)).reduce((a, b) => a + b, 0);
}

/** Checks that every batch has the same bits, however many of its rows are found. */
async function expectSame(
  before: readonly number[][],
  more: object = {},
): Promise<HiddenStateCache['counts']> {
  const cache = await open(more);
  for (const [number, expected] of before.entries()) {
    expect(await values(cache, numberedBatch(number))).toEqual(expected);
  }
  await cache.close();
  return cache.counts;
}

describe('the cache of hidden states', () => {
  it('gives the states of the base, rounded to bf16, padding as 0', async () => {
    const [found] = (await fill(1)) as [number[]];
    const { tokens, positions, documentIds } = numberedBatch(0);
    const { tensor, dispose } = await import('@moect/tensor');
    const upload = (x: Int32Array) => tensor(x, [2, 24], 'int32');
    const inputs = [upload(tokens), upload(positions!), upload(documentIds)] as const;
    const hidden = base.prefix!.hidden({ layer: 3, at: 'block' }, inputs[0], {
      positions: inputs[1],
      documentIds: inputs[2],
    });
    const exact = await hidden.data();
    dispose([inputs, hidden]);
    const isPadding = (i: number): boolean => documentIds[Math.floor(i / 16)]! < 0;
    for (const [i, value] of found.entries()) {
      // half a unit in the last of 8 significant bits
      if (!isPadding(i))
        expect(Math.abs(value - exact[i]!)).toBeLessThanOrEqual(Math.abs(exact[i]!) * 2 ** -8);
      else expect(value).toBe(0);
    }
    expect(found.some((value, i) => !isPadding(i) && value !== exact[i])).toBe(true);
  });

  it('gives the same bits found as computed, in other batches too', async () => {
    const before = await fill(3);
    expect(await expectSame(before)).toEqual({ found: 6, computed: 0 });
    const cache = await open();
    // the second row of batch 1 alone, with more padding and other document numbers
    const { tokens, positions, documentIds } = numberedBatch(1);
    const pad = (x: Int32Array, value: number): Int32Array =>
      Int32Array.of(...x.slice(24), ...Array(4).fill(value));
    const alone = await values(cache, {
      batchSize: 1,
      sequenceLength: 28,
      tokens: pad(tokens, 0),
      positions: pad(positions!, 0),
      documentIds: pad(documentIds, -1).map((id) => (id < 0 ? -1 : id + 5)),
    });
    expect(cache.counts).toEqual({ found: 1, computed: 0 });
    expect(alone.slice(0, 24 * 16)).toEqual(before[1]!.slice(24 * 16));
    expect(warnings).toEqual([]);
  });

  it('keeps a and f of an FFN site, apart from what enters its layer', async () => {
    const entering = await fill(2);
    const ffn = { layer: 3, at: 'ffn' };
    const before = await fill(2, ffn);
    expect(before[0]).toHaveLength(2 * entering[0]!.length);
    expect(await expectSame(before, ffn)).toEqual({ found: 4, computed: 0 });
    expect(await expectSame(entering)).toEqual({ found: 4, computed: 0 });
    const lowest = { layer: 0, at: 'ffn' };
    expect(await expectSame(await fill(1, lowest), lowest)).toEqual({ found: 2, computed: 0 });
    await expect(open({ layer: 6, at: 'ffn' })).rejects.toThrow(/from 0 to 5 at 'ffn', is 6/);
    expect(warnings).toEqual([]);
  });

  it('tells tokens, positions and documents apart', async () => {
    const cache = await open();
    const batch = numberedBatch(0);
    await values(cache, batch);
    for (const column of ['tokens', 'positions', 'documentIds'] as const) {
      const changed = batch[column]!.map((value, i) => (i === 23 ? value + 1 : value));
      const { computed } = cache.counts;
      await values(cache, { ...batch, [column]: changed });
      expect([column, cache.counts.computed]).toEqual([column, computed + 1]);
    }
  });

  it('reads nothing of another base, layer or backend', async () => {
    await fill(2);
    const { counts } = await (async () => {
      const other = deepLlama(2);
      const cache = await open({ base: other, baseSha256: 'two' });
      await values(cache, numberedBatch(0));
      other.dispose();
      return cache;
    })();
    expect(counts).toEqual({ found: 0, computed: 2 });
    const higher = await open({ layer: 4 });
    await values(higher, numberedBatch(0));
    expect(higher.counts.found).toBe(0);
    // a shard copied into the folder of another base
    const [own] = await shards();
    const cache = await open({ baseSha256: 'three' });
    await cache.close();
    const folders = (await readdir(folder)).map((name) => join(folder, name));
    for (const each of folders) await cp(own!, join(each, 'shard-copied.safetensors'), { force: true });
    const foreign = await open({ baseSha256: 'three' });
    await values(foreign, numberedBatch(0));
    expect(foreign.counts.found).toBe(0);
    expect(warnings.join()).toMatch(/made with another base, point or backend.*removed/);
  });

  it.each([
    ['cut short', async (file: string) => truncate(file, (await stat(file)).size - 5)],
    ['cut inside the header', async (file: string) => truncate(file, 40)],
    ['empty', async (file: string) => truncate(file, 0)],
    [
      'with one bit flipped in the states',
      async (file: string): Promise<void> => {
        const bytes = await readFile(file);
        bytes[bytes.length - 3]! ^= 4;
        await writeFile(file, bytes);
      },
    ],
    [
      'with one digit of a checksum changed',
      async (file: string): Promise<void> => {
        const bytes = await readFile(file);
        const at = bytes.indexOf('checksums') + 90;
        bytes[at] = bytes[at] === 0x30 ? 0x31 : 0x30;
        await writeFile(file, bytes);
      },
    ],
  ])('never uses a shard %s', async (_what, damage) => {
    const before = await fill(2);
    const [file] = await shards();
    await damage(file!);
    const { computed } = await expectSame(before);
    expect(computed).toBeGreaterThan(0);
    expect(warnings.length).toBeGreaterThan(0);
    warnings.length = 0;
    // shard rewritten
    expect((await expectSame(before)).computed).toBe(0);
    expect(warnings).toEqual([]);
  });

  it('keeps its bound, says that it is full, and stays right', async () => {
    const maxBytes = 30_000;
    const before = await fill(20, { maxBytes });
    expect(warnings.join()).toMatch(/is full \(30000 bytes\)/);
    expect(await totalBytes()).toBeLessThanOrEqual(maxBytes);
    const counts = await expectSame(before, { maxBytes });
    expect(counts.found).toBeGreaterThan(10);
    expect(counts.found + counts.computed).toBe(40);
    // another layer replaces the states of this one
    await fill(20, { maxBytes, layer: 5 });
    expect(await totalBytes()).toBeLessThanOrEqual(maxBytes);
    expect((await expectSame(before, { maxBytes: 10 * maxBytes })).found).toBe(0);
  });

  it('goes on without a disk', async () => {
    const before = await fill(2);
    const cache = await open({ baseSha256: 'four', maxBytes: 10_000 });
    await rm(folder, { recursive: true });
    for (const [number, expected] of before.entries()) {
      expect(await values(cache, numberedBatch(number))).toEqual(expected);
    }
    await cache.close();
    expect(warnings.join()).toMatch(/cannot be written to/);
    await import('node:fs/promises').then(({ mkdir }) => mkdir(folder));
  });

  it('leaves whole shards when it is killed', { timeout: 60_000 }, async () => {
    const program = fileURLToPath(new URL('../../../scripts/fill-hidden-states.ts', import.meta.url));
    for (const lines of [9, 16, 23]) {
      const child = spawn(
        process.execPath,
        ['--conditions=@moect/source', '--import', 'tsx', program, folder],
        { stdio: ['ignore', 'pipe', 'inherit'] },
      );
      const signal = await new Promise<NodeJS.Signals | null>((resolve) => {
        let output = '';
        child.stdout.on('data', (chunk: Buffer) => {
          output += chunk.toString();
          if (output.split('\n').length > lines) child.kill('SIGKILL');
        });
        child.on('close', (_code, how) => resolve(how));
      });
      expect(signal).toBe('SIGKILL');
    }
    expect((await shards()).length).toBeGreaterThan(0);
    const before = await (async () => {
      const elsewhere = await mkdtemp(join(tmpdir(), 'moect-hidden-'));
      const all = await fill(9, { folder: elsewhere });
      await rm(elsewhere, { recursive: true });
      return all;
    })();
    expect((await expectSame(before)).found).toBeGreaterThan(0);
    expect(warnings).toEqual([]);
  });

  it('refuses what cannot be', async () => {
    await expect(open({ layer: 0 })).rejects.toThrow(
      /from 1 to 6 at 'block', is 0: there must be something to leave out/,
    );
    await expect(open({ maxBytes: 0 })).rejects.toBeInstanceOf(InvalidConfigError);
    const { prefix: _prefix, ...whole } = base;
    await expect(open({ base: whole })).rejects.toThrow(/cannot begin in the middle/);
  });

  it('leaks no tensor', async () => {
    expect(await leakedTensors(async () => void (await fill(2)))).toBe(0);
  });
});
