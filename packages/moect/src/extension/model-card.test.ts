import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import type { ExtensionConfigFile } from './extension-config.ts';
import { modelCard } from './model-card.ts';

const info = (codes: string[], id: string): ExtensionConfigFile => ({
  schema: 'moect-extension/1',
  method: 'moe-ct',
  config: {},
  combine: 'gate',
  preset: null,
  languages: codes.map((code) => ({ code, role: 'new' })),
  license: '2024-11-30',
  base: { id, revision: null, sha256: '0'.repeat(64) },
  parameters: 1,
  dtype: 'f32',
  training: null,
});

describe('the front matter of a card', () => {
  it('reads the same in YAML 1.1, where a bare no is false and 2024-11-30 a date', () => {
    const card = modelCard('x', info(['no', 'swh_Latn', 'y'], 'org/2024'));
    const front = card.split('---\n')[1]!;
    for (const version of ['1.1', '1.2'] as const) {
      expect(parse(front, { version })).toEqual({
        library_name: 'moect',
        base_model: 'org/2024',
        language: ['no', 'swh', 'y'],
        license: '2024-11-30',
        tags: ['moect', 'moe-ct'],
      });
    }
  });
});
