import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { CorruptDataError, InvalidConfigError, NoSuchComponentError } from '@moect/core';
import { afterAll, describe, expect, it } from 'vitest';
import { createByteTokenizer } from '../packing/byte-tokenizer.ts';
import { tokenizeDocuments } from '../packing/tokenize-documents.ts';
import { collectDocuments } from '../reading/corpus-source.ts';
import { describeReading } from '../reading/describe-reading.ts';
import { fileCorpus, formatOfFile } from './file-corpus.ts';
import { folderCorpora } from './folder-corpora.ts';
import { readTokenCache, writeTokenCache } from './token-cache-file.ts';

const folder = await mkdtemp(join(tmpdir(), 'moect-data-'));
afterAll(() => rm(folder, { recursive: true }));
const at = (name: string): string => join(folder, name);

await writeFile(at('swh_Latn.txt'), 'moja\r\nmbili\r\n');
await writeFile(
  at('swh_Latn.part-2.jsonl.gz'),
  gzipSync('{"text":"tatu"}\n{"text":"three","language":"eng_Latn"}\n'),
);
await writeFile(at('yor_Latn.jsonl'), '{"text":"ẹ̀kẹta"}\n');
await writeFile(at('notes.md'), 'not a corpus');

describe('formatOfFile', () => {
  it('goes by the ending, gzipped or not', () => {
    expect(['a.txt', 'a.TXT.gz', 'a.jsonl', 'b/a.ndjson.gz', 'a.json', 'a.gz'].map(formatOfFile)).toEqual([
      'lines',
      'lines',
      'jsonl',
      'jsonl',
      null,
      null,
    ]);
  });
});

describe('folderCorpora', () => {
  it('reads all files of a language, again and again, with a report for each', async () => {
    const [swahili, yoruba] = await folderCorpora(folder, [
      { code: 'swh_Latn', role: 'new' },
      { code: 'yor_Latn', role: 'new' },
    ]);
    const texts = async (): Promise<string[]> =>
      (await collectDocuments(swahili!.documents())).map(({ text }) => text);
    expect(await texts()).toEqual(['tatu', 'moja', 'mbili']);
    expect(await texts()).toEqual(['tatu', 'moja', 'mbili']);
    expect(swahili!.otherLanguages).toBe(2);
    expect(swahili!.reports.map(({ documents, gzip }) => [documents, gzip])).toEqual([
      [2, true],
      [2, false],
      [2, true],
      [2, false],
    ]);
    expect((await collectDocuments(yoruba!.documents()))[0]).toMatchObject({
      language: 'yor_Latn',
      text: 'ẹ̀kẹta',
    });
  });

  it('lists what was found where a language has no file', async () => {
    const missing = folderCorpora(folder, [{ code: 'isl_Latn', role: 'new' }]);
    await expect(missing).rejects.toThrow(
      /no text file for language 'isl_Latn'. Available: swh_Latn.part-2.jsonl.gz, swh_Latn.txt, yor_Latn.jsonl/,
    );
    await expect(missing).rejects.toBeInstanceOf(NoSuchComponentError);
  });
});

describe('fileCorpus', () => {
  it('refuses names that tell no format, unless it is given', async () => {
    const options = { language: 'x', role: 'new', files: [at('notes.md')] } as const;
    expect(() => fileCorpus(options)).toThrow(InvalidConfigError);
    expect(() => fileCorpus({ ...options, files: [] })).toThrow(/is empty/);
    const documents = await collectDocuments(fileCorpus({ ...options, format: 'whole' }).documents());
    expect(documents).toHaveLength(1);
  });
});

describe('records of other languages', () => {
  it('are told from aliases of their own, and counted by what they name', async () => {
    const records = ['swh', 'sw', 'swa_Latn', 'Swahili', 'und', 'eng', 'eng', 'fra'].map(
      (language, i) => `{"text":"${i}","language":"${language}"}\n`,
    );
    await writeFile(at('mixed.jsonl'), records.join(''));
    const corpus = fileCorpus({ language: 'swh_Latn', role: 'new', files: [at('mixed.jsonl')] });
    const documents = await collectDocuments(corpus.documents());
    expect(documents.map(({ text }) => text)).toEqual(['0', '1', '2', '3', '4']);
    // scores are put together by this code
    expect(new Set(documents.map(({ language }) => language))).toEqual(new Set(['swh_Latn']));
    expect(corpus.otherLanguages).toBe(3);
    expect(describeReading(corpus.reports[0]!)[0]).toMatch(
      /3 of 8 records left out, which name another language: eng 2, fra 1$/,
    );
  });
});

describe('a format', () => {
  it('divides plain text and leaves files of records what they are', async () => {
    const files = [at('swh_Latn.txt'), at('yor_Latn.jsonl')];
    const corpus = fileCorpus({ language: 'swh_Latn', role: 'new', files, format: 'whole' });
    const documents = await collectDocuments(corpus.documents());
    expect(documents.map(({ text }) => text)).toEqual(['moja\nmbili', 'ẹ̀kẹta']);
  });
});

describe('token cache file', async () => {
  const cache = await tokenizeDocuments(createByteTokenizer(), [
    { id: '1', text: 'first', language: 'x' },
    { id: '2', text: 'sécond', language: 'x' },
  ]);
  const file = at('tokens.bin');
  await writeTokenCache(file, cache, 'key-1');
  const good = await readFile(file);

  it('comes back, under its key only', async () => {
    expect(await readTokenCache(file, 'key-1')).toEqual(cache);
    expect(await readTokenCache(file, 'key-2')).toBeNull();
    expect(await readTokenCache(at('absent.bin'), 'key-1')).toBeNull();
    expect((await readdir(folder)).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  it('keeps what is predicted of conversations', async () => {
    const whole = { ...cache, firstIds: Int32Array.of(-1, 256), predicted: new Uint8Array(12).fill(1, 4) };
    const masked = { ...whole, controlNames: 3, lossyDocuments: 1 };
    expect(masked.tokens).toHaveLength(12);
    await writeTokenCache(at('masked.bin'), masked, 'key-1');
    expect(await readTokenCache(at('masked.bin'), 'key-1')).toEqual(masked);
  });

  it('is the same bytes each time', async () => {
    await writeTokenCache(at('again.bin'), cache, 'key-1');
    expect(await readFile(at('again.bin'))).toEqual(good);
  });

  it.each([0, 5, 11, 40, 100])('is refused when cut after %d bytes', async (length) => {
    await writeFile(at('cut.bin'), good.subarray(0, length));
    await expect(readTokenCache(at('cut.bin'), 'key-1')).rejects.toThrow(CorruptDataError);
  });

  it('is refused when extended or altered in any payload byte', async () => {
    await writeFile(at('bad.bin'), Buffer.concat([good, Buffer.of(0)]));
    await expect(readTokenCache(at('bad.bin'), 'key-1')).rejects.toThrow(/announces/);
    for (const back of [1, 10, 40]) {
      const altered = Buffer.from(good);
      altered[altered.length - back]! ^= 1;
      await writeFile(at('bad.bin'), altered);
      await expect(readTokenCache(at('bad.bin'), 'key-1')).rejects.toThrow(/SHA-256/);
    }
  });
});
