import { type Batch, InvalidConfigError, LANGUAGE_ROLES } from '@moect/core';
import { describe, expect, it } from 'vitest';
import { batchTokens } from '../inspecting/batch-tokens.ts';
import { describeBatch } from '../inspecting/describe-batch.ts';
import { createByteTokenizer } from '../packing/byte-tokenizer.ts';
import { packDocuments } from '../packing/pack-documents.ts';
import { tokenizeDocuments } from '../packing/tokenize-documents.ts';
import { createBatchSource } from './batch-source.ts';
import type { BatchSourceOptions, MixedLanguage } from './mix-options.ts';

const tokenizer = createByteTokenizer();
const sequenceLength = 8;

async function language(code: string, role: MixedLanguage['role'], size: number): Promise<MixedLanguage> {
  const texts = Array.from({ length: size }, (_, i) => `${code} ${i} ${'ab'.repeat(i % 5)}`);
  const documents = texts.map((text, i) => ({ id: `${code}/${i}`, text, language: code }));
  const cache = await tokenizeDocuments(tokenizer, documents);
  return { code, role, sequences: packDocuments(cache, { sequenceLength, prefixIds: [256] }) };
}

const english = await language('en', 'old', 60);
const chinese = await language('zh', 'old', 40);
const swahili = await language('sw', 'new', 30);
const yoruba = await language('yo', 'new', 90);
const base: BatchSourceOptions = {
  languages: [english, chinese, swahili, yoruba],
  batchSize: 16,
  seed: 11,
  tokenizerId: 'bytes',
  replay: { share: 0.05 },
};

/** Language index of each row. */
const rowLanguages = (batch: Batch): number[] =>
  Array.from({ length: batch.batchSize }, (_, row) => batch.languageIds[row * batch.sequenceLength]!);

describe('createBatchSource', () => {
  it('gives batch 7 whatever was asked before', () => {
    const fresh = createBatchSource(base).batch(7);
    const source = createBatchSource(base);
    for (const counter of [3, 900, 0, 7, 8, 6]) source.batch(counter);
    expect(source.batch(7)).toEqual(fresh);
    expect(source.batch(8)).not.toEqual(fresh);
    expect(createBatchSource({ ...base, seed: 12 }).batch(7)).not.toEqual(fresh);
  });

  it('keeps the replay share exactly, evenly and half and half', () => {
    const source = createBatchSource(base);
    const perBatch = Array.from({ length: 1000 }, (_, i) => rowLanguages(source.batch(i)));
    const replayed = perBatch.flat().filter((index) => index < 2);
    expect(replayed).toHaveLength(800);
    expect(Math.abs(replayed.filter((index) => index === 0).length - 400)).toBeLessThanOrEqual(3);
    for (const rows of perBatch) expect(rows.filter((index) => index < 2).length).toBeLessThanOrEqual(1);
    const every = perBatch.flat();
    for (let i = 0; i < every.length; i += 20) {
      expect(every.slice(i, i + 20).filter((index) => index < 2)).toHaveLength(1);
    }
  });

  it('gives each target exactly once per epoch, of each language', () => {
    const languages = [{ ...swahili }, { ...yoruba }];
    const source = createBatchSource({ ...base, languages, replay: { share: 0 }, batchSize: 5 });
    const seen = languages.map(() => new Map<number, number>());
    const total = [0, 0];
    for (let counter = 0; counter < 60; counter++) {
      const batch = source.batch(counter);
      for (const [row, index] of rowLanguages(batch).entries()) {
        const { sequences } = languages[index]!;
        const nth = total[index]!++;
        const found = Array.from({ length: sequences.count }, (_, s) => s).find((s) =>
          (['tokens', 'documentIds'] as const).every((name) => {
            const given = batch[name].subarray(row * sequenceLength, (row + 1) * sequenceLength);
            return given.every((value, k) => value === sequences[name][s * sequenceLength + k]);
          }),
        )!;
        const epoch = Math.floor(nth / sequences.count);
        // no sequence comes a second time in an epoch
        expect(seen[index]!.get(found) ?? -1).toBe(epoch - 1);
        seen[index]!.set(found, epoch);
      }
    }
    expect(total[0]).toBeGreaterThan(languages[0]!.sequences.count);
  });

  it('shuffles each epoch anew', () => {
    const languages = [yoruba];
    const { count } = yoruba.sequences;
    const source = createBatchSource({ ...base, languages, replay: { share: 0 }, batchSize: count });
    const first = source.batch(0).targets.filter((t) => t >= 0);
    const second = source.batch(1).targets.filter((t) => t >= 0);
    expect(first).toHaveLength(yoruba.sequences.targetCount);
    expect(first).not.toEqual(second);
    expect([...first].sort()).toEqual([...second].sort());
    expect(source.epochsBefore(2)).toEqual([2]);
  });

  it('mixes in proportion to sequences unless told otherwise, so that epochs end together', () => {
    const epochs = createBatchSource(base).epochsBefore(200);
    expect(Math.abs(epochs[2]! / epochs[3]! - 1)).toBeLessThan(0.05);
    const tokens = 200 * 16 * 0.95;
    const sequences = swahili.sequences.count + yoruba.sequences.count;
    expect(epochs[2]).toBeCloseTo(tokens / sequences, 0);
  });

  it('mixes by weights, temperature, UniMax or a sampler of one’s own', () => {
    const counts = (options: Partial<BatchSourceOptions>): number[] => {
      const source = createBatchSource({ ...base, ...options, replay: { share: 0 } });
      const rows = Array.from({ length: 100 }, (_, i) => rowLanguages(source.batch(i))).flat();
      return [2, 3].map((index) => rows.filter((row) => row === index).length);
    };
    const close = (given: number[], first: number): void => {
      expect(Math.abs(given[0]! - first)).toBeLessThan(6);
      expect(given[0]! + given[1]!).toBe(1600);
    };
    close(counts({ weights: { sw: 3, yo: 1 } }), 1200);
    const [few, much] = [swahili.sequences.textBytes, yoruba.sequences.textBytes];
    close(counts({ temperature: 2 }), (1600 * Math.sqrt(few)) / (Math.sqrt(few) + Math.sqrt(much)));
    close(counts({ uniMax: { budgetBytes: few * 4, maxEpochs: 1 } }), 1600 / 4);
    close(counts({ sampler: { contract: 'sampler/1', at: () => 1 } }), 0);
  });

  it('carries language and role to every token, and marks padding everywhere', () => {
    const source = createBatchSource({ ...base, replay: { share: 0.5 } });
    let padding = 0;
    for (let counter = 0; counter < 40; counter++) {
      const batch = source.batch(counter);
      batch.documentIds.forEach((document, i) => {
        if (document < 0) {
          padding++;
          const marks = [
            batch.targets[i],
            batch.languageIds[i],
            batch.roles[i],
            batch.tokens[i],
            batch.positions[i],
          ];
          expect(marks).toEqual([-1, -1, LANGUAGE_ROLES.unknown, 0, 0]);
        } else {
          expect(batch.roles[i]).toBe(batch.languageIds[i]! < 2 ? LANGUAGE_ROLES.old : LANGUAGE_ROLES.new);
        }
      });
    }
    expect(padding).toBeGreaterThan(0);
    expect(source.languages.map(({ role }) => role)).toEqual(['old', 'old', 'new', 'new']);
  });

  it('has a fingerprint of data, tokenizer, packing and mixing', () => {
    const changes: Partial<BatchSourceOptions>[] = [
      {},
      { seed: 12 },
      { batchSize: 8 },
      { tokenizerId: 'other' },
      { replay: { share: 0.06 } },
      { weights: { sw: 1, yo: 1 } },
      { sampler: { contract: 'sampler/1', at: (n) => n % 2 } },
      { languages: [chinese, english, swahili, yoruba] },
      { languages: [english, chinese, swahili, { ...yoruba, role: 'unknown' }] },
    ];
    const prints = changes.map((change) => createBatchSource({ ...base, ...change }).fingerprint);
    expect(new Set(prints).size).toBe(changes.length);
    expect(createBatchSource(base).fingerprint).toBe(prints[0]);
    expect(prints[0]).toMatch(/^[0-9a-f]{64}$/);
  });

  it('refuses what cannot be mixed, all at once', () => {
    const wrong: BatchSourceOptions = {
      ...base,
      languages: [swahili, { ...swahili, role: 'newer' as 'new' }],
      batchSize: 0,
      seed: 0.5,
      sequenceLength: 16,
      weights: { fi: 1 },
      temperature: 2,
      replay: { share: 2 },
    };
    const parts = ['occurs twice', 'newer', 'batchSize', 'seed', 'expected 16', 'weights.fi', 'weights.sw'];
    for (const part of [...parts, 'exclude each other', 'replay.share', "role 'old'"]) {
      expect(() => createBatchSource(wrong)).toThrow(part);
    }
    expect(() => createBatchSource(wrong)).toThrow(InvalidConfigError);
    expect(() => createBatchSource({ ...base, sampler: { contract: 'sampler/1', at: () => 2 } })).toThrow(
      /gave 2/,
    );
    expect(() => createBatchSource(base).batch(-1)).toThrow(InvalidConfigError);
  });
});

describe('batchTokens', () => {
  it('counts tokens of each language without padding', () => {
    const batch = createBatchSource({ ...base, replay: { share: 0.5 } }).batch(0);
    const counts = batchTokens(batch, base.languages);
    const real = batch.documentIds.filter((id) => id >= 0).length;
    expect(counts.map(({ code }) => code)).toEqual(['en', 'zh', 'sw', 'yo']);
    expect(counts.reduce((sum, { tokens }) => sum + tokens, 0)).toBe(real);
    expect(counts.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 12);
    expect(counts.every(({ tokens, targets }) => tokens === targets)).toBe(true);
  });
});

describe('describeBatch', () => {
  it('shows text, place and mask', async () => {
    const documents = ['hello', 'wörld'].map((text, i) => ({ id: `${i}`, text, language: 'x' }));
    const cache = await tokenizeDocuments(tokenizer, documents);
    const sequences = packDocuments(cache, { sequenceLength: 12, prefixIds: [256] });
    const languages: MixedLanguage[] = [{ code: 'x', role: 'new', sequences }];
    const batch = createBatchSource({ languages, batchSize: 1, seed: 1, tokenizerId: 'bytes' }).batch(0);
    batch.targets[1] = -1;
    expect(describeBatch(batch, languages, tokenizer)).toBe(
      [
        'batch of 1 × 12 tokens, 1 rows shown',
        'row 0 · x (new) · document 0 · positions 0–4 · 4 of 5 predicted',
        '    ‹›h⟦h⟧llo',
        'row 0 · x (new) · document 1 · positions 0–5 · 6 of 6 predicted',
        '    ‹›wörld',
        'row 0 · padding × 1',
      ].join('\n'),
    );
  });
});
