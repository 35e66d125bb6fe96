import { ShapeMismatchError } from '@moect/core';
import { fixtureTensors } from 'moect-test-support/fixtures';
import { describe, expect, it } from 'vitest';
import { BLOCK_FORMATS, type BlockStorage, isBlockStorage, rowBytes } from './block-formats.ts';
import { widenValues } from './compressed-values.ts';
import type { BlockValues } from './widen-blocks.ts';

const STORAGES = Object.keys(BLOCK_FORMATS) as BlockStorage[];
const fixtures = fixtureTensors('blocks/blocks.safetensors');

function blocksOf(storage: BlockStorage): BlockValues {
  const [rows, columns] = fixtures.get(`${storage}.values`)!.shape as [number, number];
  return { storage, codes: new Uint8Array(fixtures.get(`${storage}.codes`)!.data.buffer), rows, columns };
}

describe.each(STORAGES)('%s', (storage) => {
  it('has the values of the gguf package, bit for bit', () => {
    const blocks = blocksOf(storage);
    const { data } = fixtures.get(`${storage}.values`)!;
    expect(blocks.codes.length).toBe(blocks.rows * rowBytes(storage, blocks.columns));
    expect(new Uint32Array(widenValues(blocks).buffer)).toEqual(new Uint32Array(data.buffer));
  });

  it('refuses codes of another length, and columns that are no whole blocks', () => {
    const { codes, rows, columns } = blocksOf(storage);
    const less = { storage, codes: codes.subarray(1), rows, columns };
    expect(() => widenValues(less)).toThrow(ShapeMismatchError);
    if (BLOCK_FORMATS[storage].values === 1) return;
    expect(() => widenValues({ storage, codes, rows, columns: columns - 16 })).toThrow(/whole blocks/);
  });
});

it('knows which storages are blocks', () => {
  expect(['q4_k', 'float16', 'int8', 'toString'].map(isBlockStorage)).toEqual([true, true, false, false]);
});
