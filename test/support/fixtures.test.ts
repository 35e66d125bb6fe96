import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { fixture, fixtureTensors } from './fixtures.ts';

const root = path.resolve(import.meta.dirname, '../..');

function* sources(folder: string): Generator<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.name === 'node_modules' || entry.name === 'dist') continue;
    const full = path.join(folder, entry.name);
    if (entry.isDirectory()) yield* sources(full);
    else if (entry.name.endsWith('.ts')) yield full;
  }
}

describe('fixtures', () => {
  it('are an error where they are missing, never a skip', () => {
    expect(() => fixture('models/nobody')).toThrow(/no fixture test\/fixtures\/models\/nobody.*git checkout/);
  });

  it('are read with names, shapes and types', () => {
    const tensors = fixtureTensors('routing/mixtral.safetensors');
    expect(tensors.get('topk_index')).toMatchObject({ shape: [20, 2], dtype: 'int32' });
    expect(tensors.get('output')).toMatchObject({ shape: [2, 10, 16], dtype: 'float32' });
    expect(tensors.get('output')!.data).toHaveLength(320);
    expect(tensors.has('__metadata__')).toBe(false);
  });

  it('are all inside the repository: no source names the folder beside it', () => {
    const beside = ['..', 'shared'].join('/');
    const folders = ['packages', 'examples', 'bench', 'test', 'scripts'];
    const files = folders.flatMap((folder) => [...sources(path.join(root, folder))]);
    expect(files.length).toBeGreaterThan(500);
    expect(files.filter((file) => readFileSync(file, 'utf8').includes(beside))).toEqual([]);
  });
});
