import { execSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { CorruptDataError } from '@moect/core';
import { describe, expect, it } from 'vitest';
import { collectDocuments } from './corpus-source.ts';
import { describeReading } from './describe-reading.ts';
import { readDocuments } from './read-documents.ts';
import type { ReadOptions } from './read-options.ts';

async function* chunked(data: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let i = 0; i < data.length; i += size) yield data.subarray(i, i + size);
}

async function read(data: Uint8Array, options: Partial<ReadOptions> = {}, chunkSize = 1000) {
  const reader = readDocuments(chunked(data, chunkSize), {
    source: 'swahili.txt',
    language: 'swh_Latn',
    ...options,
  });
  const documents = await collectDocuments(reader);
  return { texts: documents.map(({ text }) => text), documents, report: reader.report };
}

const utf8 = (text: string): Buffer => Buffer.from(text, 'utf8');

/** A tar of one file, as GNU tar or (without its magic) a tar of before POSIX wrote it. */
function tarOf(text: string, hasMagic: boolean): Buffer {
  const header = Buffer.alloc(512);
  header.write('swahili.txt', 0);
  header.write('0000644\0', 100);
  header.write(`${text.length.toString(8).padStart(11, '0')}\0`, 124);
  header.write('        ', 148);
  header.write('0', 156);
  if (hasMagic) header.write('ustar\0', 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  const body = Buffer.alloc(1024);
  body.write(text);
  return Buffer.concat([header, body]);
}

describe('gzip of several members', () => {
  const members = ['moja\nmb', 'ili\n', '', 'tatu\n'].map((text) => gzipSync(text));

  it.each([1, 10, 23, 1000])('is read to its end, whatever the chunks (%d bytes)', async (size) => {
    const { texts, report } = await read(Buffer.concat(members), {}, size);
    expect(texts).toEqual(['moja', 'mbili', 'tatu']);
    expect(report.gzip).toBe(true);
  });

  it('may have zeros behind it, and nothing else', async () => {
    const padded = Buffer.concat([...members, Buffer.alloc(700)]);
    expect((await read(padded, {}, 13)).texts).toHaveLength(3);
    for (const tail of [utf8('plain text'), Buffer.concat([Buffer.alloc(3), utf8('x')])]) {
      await expect(read(Buffer.concat([...members, tail]))).rejects.toThrow(/gzip data is damaged/);
    }
  });

  it('is checked to the last member: cut, altered, wrong checksum', async () => {
    const last = members.at(-1)!;
    const before = Buffer.concat(members.slice(0, -1));
    await expect(read(Buffer.concat([before, last.subarray(0, -1)]))).rejects.toThrow(/its end is missing/);
    const wrongSum = Buffer.from(last);
    wrongSum[last.length - 6]! ^= 1;
    await expect(read(Buffer.concat([before, wrongSum]))).rejects.toThrow(/incorrect data check/);
    const wrongLength = Buffer.from(last);
    wrongLength[last.length - 2]! ^= 1;
    await expect(read(Buffer.concat([before, wrongLength]))).rejects.toThrow(/incorrect length check/);
  });

  it('of large output comes whole', async () => {
    // one chunk of input that unpacks to many buffers of output
    const lines = Array.from({ length: 40_000 }, (_, i) => `mstari ${i}`);
    const { texts } = await read(gzipSync(lines.join('\n')), {}, 10_000_000);
    expect(texts).toEqual(lines);
  });
});

describe('text in another encoding', () => {
  const latin = 'habari ya dunia\nwatu wote\n';
  const swap = (bytes: Buffer): Buffer => Buffer.from(bytes).swap16();
  const utf16 = (text: string): Buffer => Buffer.from(text, 'utf16le');
  const utf32 = (text: string): Buffer =>
    Buffer.concat([...text].map((c) => Buffer.from(Uint32Array.of(c.codePointAt(0)!).buffer)));

  it.each([
    ['UTF-16LE', 'Latin letters', utf16(latin)],
    ['UTF-16BE', 'Latin letters', swap(utf16(latin))],
    ['UTF-16LE', 'Amharic', utf16('ሰላም ለዓለም ሁሉ። ሰዎች ሁሉ\nእኩል ናቸው')],
    ['UTF-16BE', 'Cyrillic', swap(utf16('все люди рождаются\nсвободными и равными'))],
    ['UTF-16LE', 'a mark', utf16(`\uFEFF${latin}`)],
    ['UTF-16BE', 'a mark', swap(utf16(`\uFEFF${latin}`))],
    ['UTF-32LE', 'no mark', utf32(latin)],
    ['UTF-32LE', 'a mark', utf32(`\uFEFF${latin}`)],
  ])('%s with %s is refused with place and command', async (encoding, _, bytes) => {
    const reading = read(bytes, {}, 7);
    await expect(reading).rejects.toThrow(CorruptDataError);
    await expect(read(bytes, { invalidUtf8: 'replace' })).rejects.toThrow(`line 1, byte 0: ${encoding} text`);
    await expect(read(bytes)).rejects.toThrow(`iconv -f ${encoding} -t UTF-8 swahili.txt > swahili.utf8.txt`);
  });

  it('is unpacked by the command where it is gzipped, and its name is quoted', async () => {
    const reading = read(gzipSync(utf16(latin)), { source: "my text's.txt.gz" });
    await expect(reading).rejects.toThrow(
      `gzip -dc 'my text'\\''s.txt.gz' | iconv -f UTF-16LE -t UTF-8 > 'my text'\\''s.utf8.txt'`,
    );
  });

  it('the command works', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'moect-recode-'));
    try {
      const source = join(folder, "habari's.txt");
      await writeFile(source, utf16(latin));
      const refused = await read(utf16(latin), { source }).catch((error: Error) => error.message);
      execSync(/`(.*)`/.exec(String(refused))![1]!);
      const converted = await readFile(join(folder, "habari's.utf8.txt"));
      expect((await read(converted)).texts).toEqual(['habari ya dunia', 'watu wote']);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('Latin-1 is named, with line, byte and command', async () => {
    const bytes = Buffer.from('góðan dag\nallir menn eru bornir frjálsir\n', 'latin1');
    await expect(read(bytes)).rejects.toThrow(/line 1, byte 1: not valid UTF-8/);
    await expect(read(bytes)).rejects.toThrow(/iconv -f WINDOWS-1252 -t UTF-8 swahili.txt/);
    const cyrillic = Buffer.from([0xea, 0xcf, 0xd4, 0x0a]);
    await expect(read(cyrillic)).rejects.toThrow(/iconv -f ENCODING -t UTF-8/);
  });

  it('a NUL byte in UTF-8 is no text either, and follows the policy', async () => {
    const bytes = Buffer.concat([utf8(`${'x'.repeat(8000)}\ngood\nbad `), Buffer.of(0), utf8(' end\nfine')]);
    await expect(read(bytes)).rejects.toThrow(/line 3, byte 8010: a NUL byte/);
    const replaced = await read(bytes, { invalidUtf8: 'replace' });
    expect(replaced.texts.slice(1)).toEqual(['good', 'bad \uFFFD end', 'fine']);
    expect(replaced.report).toMatchObject({
      invalidUtf8Documents: 1,
      invalidUtf8: [{ line: 3, byteOffset: 8010 }],
    });
    expect((await read(bytes, { invalidUtf8: 'skip-document' })).texts.slice(1)).toEqual(['good', 'fine']);
  });
});

describe('what is no text', () => {
  it.each([
    ['a PDF', utf8('%PDF-1.7\n1 0 obj'), /pdftotext swahili.txt/],
    ['a zip archive', Buffer.from('PK\x03\x04\x14\0\x06\0'), /unzip swahili.txt/],
    ['a tar archive', tarOf('moja\n', true), /tar xf swahili.txt/],
    ['a tar archive', tarOf('moja\n', false), /tar xf swahili.txt/],
    ['compressed with zstd', Buffer.of(0x28, 0xb5, 0x2f, 0xfd, 0x04), /zstd -d swahili.txt/],
    ['a web page (HTML)', utf8('\uFEFF\n<!DOCTYPE html>\n<html>'), /failed download/],
    ['an XML document', utf8('<?xml version="1.0"?>\n<tmx>'), /out of the markup/],
    ['gzip, and inside it is more gzip', gzipSync(gzipSync('moja')), /gunzip -k swahili.txt/],
    ['a Parquet file', utf8('PAR1\x15\x04'), /JSONL/],
    [
      'a pointer of Git LFS',
      utf8('version https://git-lfs.github.com/spec/v1\noid sha256:abc\nsize 12\n'),
      /git lfs pull --include=swahili.txt/,
    ],
  ])('%s is refused by name, whatever the policy', async (what, bytes, hint) => {
    const options = { invalidUtf8: 'replace' } as const;
    await expect(read(bytes, options, 5)).rejects.toThrow(`swahili.txt: is ${what}`);
    await expect(read(bytes, options)).rejects.toThrow(hint);
    await expect(read(bytes, { ...options, format: 'jsonl' })).rejects.toThrow(CorruptDataError);
  });

  it('a gzipped tar is named as what it is', async () => {
    const tgz = gzipSync(tarOf('moja\n', true));
    await expect(read(tgz)).rejects.toThrow(/is a tar archive.*tar xzf swahili.txt/s);
  });

  it('text that only resembles them is read', async () => {
    expect((await read(utf8('PK ni <html>\nBZ\n%PDF'))).texts).toHaveLength(3);
    expect((await read(utf8('1234567 '.repeat(100)))).texts).toHaveLength(1);
  });

  it('closes the source', async () => {
    let closed = false;
    const source = async function* () {
      try {
        yield tarOf('moja\n', true);
        yield utf8('more');
      } finally {
        closed = true;
      }
    };
    const reader = readDocuments(source(), { source: 's', language: 'und' });
    await expect(collectDocuments(reader)).rejects.toThrow(/tar/);
    expect(closed).toBe(true);
  });
});

describe('line ends', () => {
  it.each([1, 2, 3, 1000])('are CR, CR LF and LF, also mixed (chunks of %d)', async (size) => {
    const { texts, report } = await read(utf8('a\rb\r\nc\n\r\nd\r'), {}, size);
    expect(texts).toEqual(['a', 'b', 'c', 'd']);
    expect(report).toMatchObject({ lines: 5, crLines: 2, crlfLines: 2, emptyDocuments: 1 });
    expect(describeReading(report).join()).toMatch(/2 lines end in CR alone/);
  });

  it('are LF in every text', async () => {
    expect((await read(utf8('a\rb\r\nc'), { format: 'whole' })).texts).toEqual(['a\nb\nc']);
    const record = utf8(JSON.stringify({ text: 'a\rb\r\nc' }));
    expect((await read(record, { format: 'jsonl' })).texts).toEqual(['a\nb\nc']);
  });

  it('keep the byte of an error right', async () => {
    const bytes = Buffer.concat([utf8('ab\r\ncd\ref'), Buffer.of(0xff)]);
    await expect(read(bytes, {}, 1)).rejects.toThrow(/line 3, byte 9:/);
  });
});

describe('Unicode', () => {
  // Yoruba: a letter with a dot below and an accent, in both forms
  const nfc = 'ọ̀rọ̀ ẹ̀kọ́'.normalize('NFC');
  const nfd = nfc.normalize('NFD');

  it('NFC and NFD are the same text, and the change is counted', async () => {
    const { texts, report } = await read(utf8(`${nfd}\n${nfc}\n`));
    expect(nfd).not.toBe(nfc);
    expect(texts).toEqual([nfc, nfc]);
    expect(report.normalizedDocuments).toBe(1);
    expect(report.textBytes).toBe(2 * utf8(nfc).length);
    expect(describeReading(report)).toEqual([
      'swahili.txt: 1 of 2 documents changed to Unicode NFC (data.normalization)',
    ]);
  });

  it('of every message of a conversation too, and lone CRs are line ends there', async () => {
    const messages = [
      { role: 'user', content: `${nfd}\ra` },
      { role: 'assistant', content: nfd },
    ];
    const line = utf8(`${JSON.stringify({ text: null, messages })}\n`);
    const { documents, report } = await read(line, { format: 'jsonl' });
    expect(documents[0]!.messages).toEqual([
      { role: 'user', content: `${nfc}\na` },
      { role: 'assistant', content: nfc },
    ]);
    expect(documents[0]!.text).toBe(`user: ${nfc}\na\nassistant: ${nfc}`);
    expect(report).toMatchObject({ normalizedDocuments: 1, documents: 1 });
    const asIs = await read(line, { format: 'jsonl', normalization: 'none' });
    expect(asIs.documents[0]!.messages![1]!.content).toBe(nfd);
    expect(asIs.report.otherFormDocuments).toBe(1);
  });

  it('stays as it is where asked', async () => {
    const { texts, report } = await read(utf8(`${nfd}\n`), { normalization: 'none' });
    expect(texts).toEqual([nfd]);
    expect(report).toMatchObject({ normalizedDocuments: 0, otherFormDocuments: 1 });
    expect(describeReading(report).join()).toMatch(/1 of 1 document not in Unicode NFC, left so/);
  });

  it('that was lost before is named', async () => {
    const { report } = await read(utf8('caf\uFFFD\n'));
    expect(describeReading(report).join()).toMatch(/1 document with U\+FFFD/);
  });
});

describe('JSONL records', () => {
  const jsonl = (...records: unknown[]): Buffer => utf8(records.map((r) => JSON.stringify(r)).join('\n'));

  it.each([
    [{ text: null }, /line 1: field 'text' is null, must be a string.*jq -c 'select\(\.text/s],
    [{ text: 5 }, /field 'text' is a number/],
    [{ text: { en: 'x' } }, /field 'text' is an object/],
    [{ text: ['a'] }, /field 'text' is a list/],
    [{ id: 'a', content: 'the longest' }, /no field 'text'.*has id, content.*--text-field content/s],
    [{ title: 'a', pages: ['moja', 'mbili'] }, /'pages' has it in pieces.*\.pages \| join/s],
    [[{ text: 'a' }], /not a JSON object but a list.*jq -c '\.\[\]' swahili.txt/s],
    ['text', /not a JSON object but a string/],
  ])('say what they are and what to do: %j', async (record, message) => {
    await expect(read(jsonl(record), { format: 'jsonl' })).rejects.toThrow(message);
  });

  it('over many lines are named', async () => {
    const pretty = utf8(JSON.stringify([{ text: 'a' }], null, 2));
    await expect(read(pretty, { format: 'jsonl' })).rejects.toThrow(/jq -c '\.\[\]' swahili.txt/);
  });

  it('have the first of several fields', async () => {
    const data = jsonl({ content: 'a', text: 'b' }, { text: 'c' });
    const { texts } = await read(data, { format: 'jsonl', textField: ['content', 'text'] });
    expect(texts).toEqual(['a', 'c']);
  });

  it('name their language in one field or, as in FineWeb-2, in two', async () => {
    const data = jsonl(
      { text: 'a', language: 'swh' },
      { text: 'b', language: 'swh', language_script: 'Latn', language_score: 0.99 },
      { text: 'c', language: 'swh_Latn', language_script: 'Latn' },
      { text: 'd', language: null },
      { text: 'e', language: '' },
    );
    const { documents } = await read(data, { format: 'jsonl' });
    expect(documents.map(({ language }) => language)).toEqual([
      'swh',
      'swh_Latn',
      'swh_Latn',
      'swh_Latn',
      'swh_Latn',
    ]);
  });
});

describe('text with lines cut to a width', () => {
  const paragraph = [
    'Watu wote wamezaliwa huru, hadhi na haki zao ni sawa. Wote',
    'wamejaliwa akili na dhamiri, hivyo yapasa watendeane kindugu na',
    'kwa upendo mkubwa sana siku zote za maisha yao hapa duniani.',
  ];

  it('is noticed', async () => {
    const { report } = await read(utf8(Array(12).fill(paragraph.join('\n')).join('\n\n')));
    expect(report.wrappedLines).toBe(24);
    expect(describeReading(report).join()).toMatch(/36 lines is a document.*--format blocks/);
  });

  it('is not one sentence a line, nor a list of words, nor text in blocks', async () => {
    const sentences = Array(50)
      .fill(paragraph.join(' ').slice(0, 52))
      .map((line) => `${line}.`);
    expect(describeReading((await read(utf8(sentences.join('\n')))).report)).toEqual([]);
    expect(describeReading((await read(utf8('neno\nlingine\n'.repeat(60)))).report)).toEqual([]);
    const text = utf8(Array(12).fill(paragraph.join('\n')).join('\n\n'));
    expect(describeReading((await read(text, { format: 'blocks' })).report)).toEqual([]);
  });
});
