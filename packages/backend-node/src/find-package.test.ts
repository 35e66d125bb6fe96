import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { selectBackend } from '@moect/tensor';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { installedPackages } from './find-package.ts';

const GPU = '@tensorflow/tfjs-node-gpu';
// a really installed package would be found first
const isHere = installedPackages().some(({ isForGpu }) => isForGpu);
const hasOther = installedPackages().some(({ isForGpu, hasAddon }) => !isForGpu && hasAddon);

describe.skipIf(isHere)('a tfjs-node-gpu whose libraries are missing', () => {
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'moect-package-'));
    const home = path.join(folder, 'node_modules', GPU);
    await mkdir(path.join(home, 'lib/napi-v8'), { recursive: true });
    await writeFile(path.join(home, 'package.json'), '{ "version": "4.22.0", "main": "index.js" }');
    await writeFile(path.join(home, 'index.js'), 'globalThis.hasRegistered = true;');
    await writeFile(path.join(home, 'lib/napi-v8/tfjs_binding.node'), 'no shared library');
    vi.spyOn(process, 'cwd').mockReturnValue(folder);
  });
  afterAll(async () => {
    vi.restoreAllMocks();
    await rm(folder, { recursive: true });
  });

  it('registers nothing', () => {
    const found = installedPackages().find(({ isForGpu }) => isForGpu);
    expect(found).toMatchObject({ name: GPU, version: '4.22.0', hasAddon: true });
    expect(() => found!.load()).toThrow(/tfjs_binding\.node/);
    expect(globalThis).not.toHaveProperty('hasRegistered');
  });

  it.skipIf(!hasOther)('gives way to tfjs-node, which says so', async () => {
    const { detail } = await selectBackend('node', { threads: 1 });
    expect(detail).toMatch(
      /tfjs-node 4\.\S+: @tensorflow\/tfjs-node-gpu does not load \(.*tfjs_binding\.node/,
    );
  });
});
