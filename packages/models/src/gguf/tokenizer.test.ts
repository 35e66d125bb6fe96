import { readFileSync } from 'node:fs';
import { Tokenizer as HuggingFaceTokenizer } from '@huggingface/tokenizers';
import { InvalidConfigError, type JsonObject } from '@moect/core';
import { type GgufFile, type GgufValue, readGguf } from '@moect/safetensors';
import { fixture, fixtureJson } from 'moect-test-support/fixtures';
import { describe, expect, it } from 'vitest';
import { loadTokenizer } from '../tokenizer/load-tokenizer.ts';
import { readGgufTokenizer, type TokenizerFiles } from './tokenizer.ts';
import { TOKEN } from './vocabulary.ts';

interface Golden {
  readonly text: string;
  readonly ids: number[];
  readonly ids_no_special: number[];
  readonly ids_plain?: number[];
  readonly decoded: string;
}

interface TokenizerJson {
  readonly added_tokens: readonly { id: number; content: string; special: boolean }[];
  readonly model: { readonly vocab: Record<string, number>; readonly merges: readonly (string | string[])[] };
}

const fileOf = (metadata: Record<string, GgufValue>): GgufFile => ({
  name: 'tokenizer.gguf',
  metadata: new Map(Object.entries(metadata)),
  entries: new Map(),
  bytes: async () => new Uint8Array(0),
});

const read = (metadata: Record<string, GgufValue>): TokenizerFiles => readGgufTokenizer(fileOf(metadata))!;

/** A byte-level tokenizer.json as llama.cpp's converter writes it: a list of all ids, fillers where there is no token. */
function metadataOf(json: TokenizerJson, pre: string): Record<string, GgufValue> {
  const texts = new Map(Object.entries(json.model.vocab).map(([text, id]) => [id, text]));
  const types = new Map<number, number>();
  for (const { id, content, special } of json.added_tokens) {
    texts.set(id, content);
    types.set(id, special ? TOKEN.control : TOKEN.defined);
  }
  const ids = Array.from({ length: Math.max(...texts.keys()) + 1 }, (_, id) => id);
  return {
    'tokenizer.ggml.model': 'gpt2',
    'tokenizer.ggml.pre': pre,
    'tokenizer.ggml.tokens': ids.map((id) => texts.get(id) ?? `[PAD${id}]`),
    'tokenizer.ggml.token_type': ids.map(
      (id) => types.get(id) ?? (texts.has(id) ? TOKEN.normal : TOKEN.unused),
    ),
    'tokenizer.ggml.merges': json.model.merges.map((pair) =>
      typeof pair === 'string' ? pair : pair.join(' '),
    ),
  };
}

function wrongLines(files: TokenizerFiles, name: string): { lines: number; wrong: string[] } {
  const tokenizer = loadTokenizer(files.tokenizer, files.tokenizerConfig);
  const text = readFileSync(fixture(`tokenizers/${name}.jsonl`), 'utf8');
  const lines = text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Golden);
  const wrong = lines.flatMap((line) => [
    ...(tokenizer.encode(line.text).join() === (line.ids_plain ?? line.ids_no_special).join()
      ? []
      : [`encode as text ${line.text}`]),
    ...(tokenizer.former!.encode(line.text).join() === line.ids_no_special.join()
      ? []
      : [`encode ${line.text}`]),
    ...(tokenizer.decode(line.ids) === line.decoded ? [] : [`decode ${line.decoded}`]),
  ]);
  return { lines: lines.length, wrong };
}

describe('ids of Hugging Face tokenizers, from the metadata of a GGUF file', () => {
  it.each([
    ['gpt2', 'gpt-2'],
    ['phi-2', 'phi-2'],
    ['falcon', 'falcon'],
    ['whisper-large-v3', 'gpt-2'],
  ])('byte-level BPE: %s as %s', (name, pre) => {
    const { lines, wrong } = wrongLines(read(metadataOf(fixtureJson(`tokenizers/${name}.json`), pre)), name);
    expect(wrong).toEqual([]);
    expect(lines).toBeGreaterThan(200);
  });

  it('SentencePiece: stories260k', async () => {
    const file = await readGguf(readFileSync(fixture('gguf/stories260k.gguf')));
    const files = readGgufTokenizer(file)!;
    expect(wrongLines(files, 'stories260k').wrong).toEqual([]);
    expect(files.tokenizerConfig).toMatchObject({ bos_token: '<s>', eos_token: '</s>', add_bos_token: true });
    expect(files.generationConfig).toEqual({ bos_token_id: 1, eos_token_id: 2 });
    const own = fixtureJson<JsonObject>('stories260k-hf/tokenizer.json');
    const { merges } = files.tokenizer['model'] as { merges: string[][] };
    expect(merges).toEqual((own['model'] as { merges: string[][] }).merges);
  });

  it('SentencePiece without a space before the text, and tokens that the user defined', () => {
    const texts = ['<unk>', '<s>', '</s>', '\u2581', 'a', '\u2581a', '<tab>', '<0x62>'];
    const files = read({
      'tokenizer.ggml.model': 'llama',
      'tokenizer.ggml.tokens': texts,
      'tokenizer.ggml.scores': [0, 0, 0, -2, -3, -1, 0, 0],
      'tokenizer.ggml.token_type': [2, 3, 3, 1, 1, 1, 4, 6],
      'tokenizer.ggml.add_space_prefix': false,
    });
    const tokenizer = loadTokenizer(files.tokenizer);
    expect(tokenizer.encode('a a<tab>b')).toEqual([4, 5, 6, 7]);
    expect(tokenizer.decode([5, 4, 6, 7])).toBe(' aa<tab>b');
  });

  it('tokens that begin with U+FEFF keep it', async () => {
    // Llama's vocabulary has such a token; a decoder of UTF-8 that drops the mark makes it a second 'x'
    const bytes = headerOf([
      ['tokenizer.ggml.tokens', ['x', '\ufeffx', '\ufeff']],
      ['tokenizer.ggml.model', 'llama'],
    ]);
    expect((await readGguf(bytes)).metadata.get('tokenizer.ggml.tokens')).toEqual(['x', '\ufeffx', '\ufeff']);
  });
});

/** A GGUF file of texts and lists of texts. */
function headerOf(entries: readonly [string, string | readonly string[]][]): Uint8Array {
  const uint32 = (value: number): Buffer => Buffer.from(Uint32Array.of(value).buffer);
  const uint64 = (value: number): Buffer => Buffer.from(BigUint64Array.of(BigInt(value)).buffer);
  const text = (value: string): Buffer =>
    Buffer.concat([uint64(Buffer.byteLength(value)), Buffer.from(value)]);
  const values = entries.map(([key, value]) =>
    typeof value === 'string'
      ? Buffer.concat([text(key), uint32(8), text(value)])
      : Buffer.concat([text(key), uint32(9), uint32(8), uint64(value.length), ...value.map(text)]),
  );
  return Buffer.concat([Buffer.from('GGUF'), uint32(3), uint64(0), uint64(entries.length), ...values]);
}

describe('pre-tokenizers, against the Rust library with those of the published tokenizer.json', () => {
  const { texts, pieceBytes } = fixtureJson<{ texts: string[]; pieceBytes: Record<string, number[][]> }>(
    'gguf/pre-tokenizers.json',
  );

  it.each(Object.keys(pieceBytes))('%s', (pre) => {
    const gpt2 = metadataOf(fixtureJson('tokenizers/gpt2.json'), pre);
    const { tokenizer } = read(gpt2);
    const { normalizer, pre_tokenizer } = new HuggingFaceTokenizer(
      { normalizer: null, post_processor: null, decoder: null, ...tokenizer } as object,
      {},
    );
    const wrong = texts.filter((text, i) => {
      const pieces: string[] = pre_tokenizer!(normalizer === null ? text : normalizer(text));
      return pieces.map((piece) => piece.length).join() !== pieceBytes[pre]![i]!.join();
    });
    expect(wrong).toEqual([]);
    expect(texts.length).toBeGreaterThan(200);
  });
});

describe('what a GGUF file says of special tokens', () => {
  const texts = ['<unk>', '<s>', '</s>', 'a', '<|end|>'];
  const spm = {
    'tokenizer.ggml.model': 'llama',
    'tokenizer.ggml.tokens': texts,
    'tokenizer.ggml.scores': [0, 0, 0, -1, 0],
    'tokenizer.ggml.token_type': [2, 3, 3, 1, 3],
    'tokenizer.ggml.bos_token_id': 1,
    'tokenizer.ggml.eos_token_id': 2,
  };
  const bpe = {
    ...spm,
    'tokenizer.ggml.model': 'gpt2',
    'tokenizer.ggml.merges': [],
  };

  it('a beginning of text is added as llama.cpp adds it, unless the file says otherwise', () => {
    const single = (files: TokenizerFiles): unknown =>
      (files.tokenizer['post_processor'] as { single: unknown }).single;
    const bos = { SpecialToken: { id: '<s>', type_id: 0 } };
    const eos = { SpecialToken: { id: '</s>', type_id: 0 } };
    const text = { Sequence: { id: 'A', type_id: 0 } };
    expect(single(read(spm))).toEqual([bos, text]);
    expect(single(read({ ...spm, 'tokenizer.ggml.add_bos_token': false }))).toEqual([text]);
    expect(single(read({ ...bpe, 'tokenizer.ggml.pre': 'smollm' }))).toEqual([text]);
    expect(single(read({ ...bpe, 'tokenizer.ggml.pre': 'llama-bpe' }))).toEqual([bos, text]);
    expect(single(read({ ...spm, 'tokenizer.ggml.add_eos_token': true }))).toEqual([bos, text, eos]);
  });

  it('the end of a turn ends generation too', () => {
    const files = read({ ...spm, 'tokenizer.ggml.eot_token_id': 4 });
    expect(files.generationConfig).toEqual({ bos_token_id: 1, eos_token_id: [2, 4] });
  });

  it('chat templates: one, or several by name', () => {
    const one = { ...spm, 'tokenizer.chat_template': '{{ messages }}' };
    expect(read(one).tokenizerConfig['chat_template']).toBe('{{ messages }}');
    const named = {
      ...one,
      'tokenizer.chat_templates': ['tool_use'],
      'tokenizer.chat_template.tool_use': '{{ tools }}',
    };
    expect(read(named).tokenizerConfig['chat_template']).toEqual([
      { name: 'default', template: '{{ messages }}' },
      { name: 'tool_use', template: '{{ tools }}' },
    ]);
  });

  it('refuses what it does not know, by name', () => {
    const refused = (change: Record<string, GgufValue>, why: RegExp): void => {
      expect(() => read({ ...bpe, ...change })).toThrow(why);
      expect(() => read({ ...bpe, ...change })).toThrow(InvalidConfigError);
    };
    refused({ 'tokenizer.ggml.model': 'bert' }, /tokenizer\.ggml\.model: is 'bert', known: gpt2, llama/);
    refused({ 'tokenizer.ggml.pre': 'oracle' }, /tokenizer\.ggml\.pre: is 'oracle', known: default, gpt-2/);
    refused({ 'tokenizer.ggml.bos_token_id': 5 }, /bos_token_id: is 5, there are 5 tokens/);
    refused({ 'tokenizer.ggml.token_type': [1] }, /token_type: has 1 values for 5 tokens/);
    refused({ 'tokenizer.ggml.model': 'llama', 'tokenizer.ggml.scores': [1] }, /scores: has 1 values for 5/);
    refused({ 'tokenizer.ggml.tokens': [1, 2] }, /tokens: must be a list of strings/);
    expect(readGgufTokenizer(fileOf({}))).toBeNull();
  });
});
