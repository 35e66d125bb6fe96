import { gzipSync } from 'node:zlib';
import { CorruptDataError, InvalidConfigError } from '@moect/core';
import { describe, expect, it } from 'vitest';
import { collectDocuments } from './corpus-source.ts';
import { readDocuments } from './read-documents.ts';
import type { ReadOptions } from './read-options.ts';

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
const bytes = (...parts: (string | number[])[]): Uint8Array =>
  Uint8Array.from(parts.flatMap((part) => (typeof part === 'string' ? [...encode(part)] : part)));

/** The input in chunks of every size, so that no boundary is special. */
async function* chunked(data: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let i = 0; i < data.length; i += size) yield data.subarray(i, i + size);
}

async function read(data: Uint8Array, options: Partial<ReadOptions> = {}, chunkSize = 7) {
  const reader = readDocuments(chunked(data, chunkSize), { source: 'mem', language: 'und', ...options });
  const documents = await collectDocuments(reader);
  return { texts: documents.map(({ text }) => text), documents, report: reader.report };
}

describe('plain text', () => {
  const text = '\uFEFFfirst línea\r\nsecond 漢字\r\n\r\n  \t\nlast 👩‍👧';

  it.each([1, 2, 3, 7, 1000])('reads lines whatever the chunks (%d bytes)', async (size) => {
    const { texts, report } = await read(encode(text), {}, size);
    expect(texts).toEqual(['first línea', 'second 漢字', 'last 👩‍👧']);
    expect(report).toMatchObject({
      byteOrderMark: true,
      crlfLines: 3,
      lines: 5,
      documents: 3,
      emptyDocuments: 2,
      bytesRead: encode(text).length,
      textBytes: encode('first líneasecond 漢字last 👩‍👧').length,
      gzip: false,
    });
  });

  it('parts documents at blank lines', async () => {
    const { texts, documents } = await read(encode('\n\na\r\nb\n\n \nc\n'), { format: 'blocks' });
    expect(texts).toEqual(['a\nb', 'c']);
    expect(documents.map(({ id }) => id)).toEqual(['mem:3', 'mem:7']);
  });

  it('takes all as one document', async () => {
    expect((await read(encode('a\r\n\r\nb\r\n'), { format: 'whole' })).texts).toEqual(['a\n\nb']);
  });

  it('reads nothing from nothing', async () => {
    const { texts, report } = await read(new Uint8Array(0));
    expect(texts).toEqual([]);
    expect(report).toMatchObject({ documents: 0, lines: 0, bytesRead: 0 });
  });

  it('keeps a byte order mark inside the text, which is a character there', async () => {
    expect((await read(encode('a\n\uFEFFb'))).texts).toEqual(['a', '\uFEFFb']);
  });

  it('reads a web stream and a plain array alike', async () => {
    const data = encode('x\ny');
    const stream = new Blob([data as Uint8Array<ArrayBuffer>]).stream();
    const options = { source: 's', language: 'und' };
    expect(await collectDocuments(readDocuments(stream, options))).toEqual(
      await collectDocuments(readDocuments(data, options)),
    );
  });

  it('refuses to be read twice', async () => {
    const reader = readDocuments(encode('x'), { source: 's', language: 'und' });
    await collectDocuments(reader);
    await expect(collectDocuments(reader)).rejects.toThrow('has been read');
  });
});

describe('broken UTF-8', () => {
  // bad bytes at offset 9 (a lone continuation) and 20 (a cut sequence before the line break)
  const broken = bytes('good\nbad ', [0x80], ' line\ncut ', [0xe6, 0xbc], '\nfine');

  it('stops with line and byte', async () => {
    await expect(read(broken)).rejects.toThrow(/line 2, byte 9: not valid UTF-8/);
    await expect(read(broken)).rejects.toBeInstanceOf(CorruptDataError);
  });

  it('replaces and counts', async () => {
    const { texts, report } = await read(broken, { invalidUtf8: 'replace' });
    expect(texts).toEqual(['good', 'bad \uFFFD line', 'cut \uFFFD', 'fine']);
    expect(report.invalidUtf8Documents).toBe(2);
    expect(report.invalidUtf8).toEqual([
      { line: 2, byteOffset: 9 },
      { line: 3, byteOffset: 20 },
    ]);
  });

  it('skips and counts', async () => {
    const { texts, report } = await read(broken, { invalidUtf8: 'skip-document' });
    expect(texts).toEqual(['good', 'fine']);
    expect(report).toMatchObject({ documents: 2, invalidUtf8Documents: 2, emptyDocuments: 0 });
  });

  it('skips the whole block that holds a broken line', async () => {
    const data = bytes('a\n', [0xff, 0xfe], '\n\nb');
    const { texts } = await read(data, { format: 'blocks', invalidUtf8: 'skip-document' });
    expect(texts).toEqual(['b']);
  });

  it.each([
    ['overlong', [0xc0, 0xaf]],
    ['surrogate', [0xed, 0xa0, 0x80]],
    ['above U+10FFFF', [0xf4, 0x90, 0x80, 0x80]],
    ['end of file inside a character', [0xf0, 0x9f, 0x91]],
  ])('finds %s at the right byte', async (_, bad) => {
    await expect(read(bytes('\uFEFFxé\nok', bad))).rejects.toThrow(/line 2, byte 9:/);
  });

  it('counts the byte order mark in offsets on the first line too', async () => {
    await expect(read(bytes('\uFEFFab', [0x80]))).rejects.toThrow(/line 1, byte 5:/);
  });

  it('names UTF-16 instead of calling it broken', async () => {
    await expect(read(bytes([0xff, 0xfe, 0x61, 0x00]))).rejects.toThrow(/UTF-16/);
  });
});

describe('huge documents', () => {
  const long = encode(`short\n${'x'.repeat(5000)}\nend`);

  it('refuses them, or skips and counts, without dropping what follows', async () => {
    await expect(read(long, { maxDocumentBytes: 100 })).rejects.toThrow(/line 2: .*longer than 100 bytes/);
    const { texts, report } = await read(long, { maxDocumentBytes: 100, oversized: 'skip-document' });
    expect(texts).toEqual(['short', 'end']);
    expect(report.oversizedDocuments).toBe(1);
  });

  it('counts no line break and no byte order mark towards the limit', async () => {
    const data = encode(`\uFEFF${'x'.repeat(100)}\r\n${'y'.repeat(101)}\r\n`);
    const { texts } = await read(data, { maxDocumentBytes: 100, oversized: 'skip-document' });
    expect(texts).toEqual(['x'.repeat(100)]);
  });

  it('applies to blocks as a whole', async () => {
    const data = encode('aaaa\nbbbb\n\ncccc');
    const options = { format: 'blocks', maxDocumentBytes: 8, oversized: 'skip-document' } as const;
    expect((await read(data, options)).texts).toEqual(['cccc']);
    expect((await read(data, { ...options, maxDocumentBytes: 9 })).texts).toEqual(['aaaa\nbbbb', 'cccc']);
  });
});

describe('JSONL', () => {
  const jsonl = (...records: unknown[]): Uint8Array =>
    encode(records.map((r) => JSON.stringify(r)).join('\n'));

  it('reads text, language and id, from named fields too', async () => {
    const data = jsonl({ text: 'a', language: 'swh_Latn', id: 7 }, { text: 'b\r\nc' });
    const { documents } = await read(data, { format: 'jsonl' });
    expect(documents).toEqual([
      { id: '7', text: 'a', language: 'swh_Latn' },
      { id: 'mem:2', text: 'b\nc', language: 'und' },
    ]);
    const renamed = await read(jsonl({ body: 'x', text: 5 }), { format: 'jsonl', textField: 'body' });
    expect(renamed.texts).toEqual(['x']);
  });

  it('counts blank lines and empty texts', async () => {
    const { texts, report } = await read(encode('{"text":"a"}\n\n{"text":" "}\n'), { format: 'jsonl' });
    expect(texts).toEqual(['a']);
    expect(report.emptyDocuments).toBe(2);
  });

  it.each([
    ['{"text":"a"', /line 1: not JSON/],
    ['["a"]', /line 1: not a JSON object/],
    ['{"txt":"a"}', /no field 'text'; the record has txt/],
    ['{"text":["a"]}', /field 'text' is a list/],
    ['{"text":"a","language":3}', /field 'language' is a number/],
    ['{"text":"half \\ud83d pair"}', /half a surrogate pair/],
  ])('refuses %s', async (line, message) => {
    await expect(read(encode(line), { format: 'jsonl' })).rejects.toThrow(message);
  });

  it('applies the UTF-8 policy to half surrogate pairs', async () => {
    const data = encode('{"text":"a \\ud83d b \\udc00"}\n{"text":"whole \\ud83d\\ude00"}');
    const replaced = await read(data, { format: 'jsonl', invalidUtf8: 'replace' });
    expect(replaced.texts).toEqual(['a \uFFFD b \uFFFD', 'whole 😀']);
    const skipped = await read(data, { format: 'jsonl', invalidUtf8: 'skip-document' });
    expect(skipped.texts).toEqual(['whole 😀']);
    expect(skipped.report.invalidUtf8Documents).toBe(1);
  });
});

describe('gzip', () => {
  const plain = encode(Array.from({ length: 500 }, (_, i) => `line ${i} ${'é'.repeat(i % 40)}`).join('\n'));

  it.each([1, 100, 100_000])('is recognised by its bytes (chunks of %d)', async (size) => {
    const { texts, report } = await read(gzipSync(plain), {}, size);
    expect(texts).toEqual((await read(plain)).texts);
    expect(report).toMatchObject({ gzip: true, bytesRead: plain.length, documents: 500 });
  });

  it('says so when it ends too early or is damaged', async () => {
    const packed = gzipSync(plain);
    await expect(read(packed.subarray(0, packed.length - 20))).rejects.toThrow(/gzip data is damaged/);
    const damaged = Uint8Array.from(packed);
    damaged[200]! ^= 0xff;
    await expect(read(damaged)).rejects.toThrow(/gzip data is damaged/);
  });

  it('leaves errors of the source what they are', async () => {
    const source = async function* () {
      yield gzipSync(plain).subarray(0, 100);
      throw new Error('disk on fire');
    };
    const reader = readDocuments(source(), { source: 's', language: 'und' });
    await expect(collectDocuments(reader)).rejects.toThrow(/^disk on fire$/);
  });

  it('can be left half-read', async () => {
    let closed = false;
    const source = async function* () {
      try {
        for (;;) yield* chunked(gzipSync(plain), 64);
      } finally {
        closed = true;
      }
    };
    for await (const document of readDocuments(source(), { source: 's', language: 'und' })) {
      expect(document.text).toBe('line 0 ');
      break;
    }
    expect(closed).toBe(true);
  });
});

describe('settings', () => {
  it('are refused all at once where they cannot be', () => {
    const wrong = { source: 's', language: '', format: 'xml', maxDocumentBytes: 0 } as unknown as ReadOptions;
    expect(() => readDocuments(new Uint8Array(0), wrong)).toThrow(InvalidConfigError);
    expect(() => readDocuments(new Uint8Array(0), wrong)).toThrow(/format.*maxDocumentBytes.*language/s);
  });
});
