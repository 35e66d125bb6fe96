import { readFileSync } from 'node:fs';
import { CorruptDataError, InvalidConfigError, type Json, type JsonObject } from '@moect/core';
import { fixture, fixtureJson } from 'moect-test-support/fixtures';
import { describe, expect, it } from 'vitest';
import { loadTokenizer } from './load-tokenizer.ts';

interface Golden {
  readonly text: string;
  readonly ids: number[];
  readonly ids_no_special: number[];
  readonly ids_plain?: number[];
  readonly decoded: string;
}

/** Texts with what the Rust library makes of them. */
const NAMES = ['stories260k', 'stories260k-rstrip', 'gpt2', 'phi-2', 'falcon', 'whisper-large-v3'];

describe('against Hugging Face tokenizers', () => {
  it.each(NAMES)('%s', (name) => {
    const file = name === 'stories260k' ? 'stories260k-hf/tokenizer.json' : `tokenizers/${name}.json`;
    const tokenizer = loadTokenizer(fixtureJson(file));
    const lines = readFileSync(fixture(`tokenizers/${name}.jsonl`), 'utf8')
      .trim()
      .split('\n');
    const wrong: string[] = [];
    for (const line of lines) {
      const { text, ids, ids_no_special, ids_plain = ids_no_special, decoded } = JSON.parse(line) as Golden;
      const say = (what: string, value: string): void => void wrong.push(`${what} ${JSON.stringify(value)}`);
      if (tokenizer.encode(text).join() !== ids_plain.join()) say('encode as text', text);
      if (tokenizer.former!.encode(text).join() !== ids_no_special.join()) say('encode', text);
      if (tokenizer.decode(ids) !== decoded) say('decode', decoded);
    }
    expect(wrong).toEqual([]);
    expect(lines.length).toBeGreaterThan(name === 'stories260k-rstrip' ? 20 : 200);
  });
});

const special = (contents: readonly string[]): JsonObject[] =>
  contents.map((content, id) => ({
    ...{ id, content, special: true, normalized: false, single_word: false, lstrip: false, rstrip: false },
  }));

const letters = ['a', 'b', '<', '>', '/', 's', 'ab', '<s', '</', '<s>'];
const vocab = Object.fromEntries(['<unk>', '<s>', '</s>', ...letters.slice(0, -1)].map((t, id) => [t, id]));
const tiny = {
  version: '1.0',
  added_tokens: special(['<unk>', '<s>', '</s>']),
  decoder: { type: 'Fuse' },
  model: {
    type: 'BPE',
    unk_token: '<unk>',
    vocab,
    merges: [
      ['a', 'b'],
      ['<', 's'],
      ['<s', '>'],
    ],
  },
};
const config = { bos_token: '<s>', eos_token: { content: '</s>' } };
const template = (single: Json[]): JsonObject => ({
  type: 'TemplateProcessing',
  single,
  pair: [],
  special_tokens: {},
});
const token = (id: string): JsonObject => ({ SpecialToken: { id, type_id: 0 } });
const text = { Sequence: { id: 'A', type_id: 0 } };

describe('loadTokenizer', () => {
  it('adds no special token and leaves them out of text', () => {
    const tokenizer = loadTokenizer(tiny, config);
    expect(tokenizer).toMatchObject({ vocabSize: 12, bosTokenId: 1, eosTokenIds: [2] });
    expect(tokenizer.encode('aba')).toEqual([9, 3]);
    expect(tokenizer.encode('')).toEqual([]);
    expect(tokenizer.decode([1, 9, 3, 2])).toBe('aba');
    expect(tokenizer.decode([])).toBe('');
    expect(tokenizer.decode([3, 99])).toBe('a');
  });

  it('takes names of control tokens in a text as text, and counts them', () => {
    const tokenizer = loadTokenizer(tiny, config);
    const ids = tokenizer.encode('a<s>b</s>');
    expect(ids.some((id) => id <= 2)).toBe(false);
    expect(tokenizer.decode(ids)).toBe('a<s>b</s>');
    // alone, where the library takes a whole section for its token, and where merges lead to its piece
    expect(tokenizer.encode('<s>')).toEqual([10, 6]);
    expect(tokenizer.countControlNames!('a<s>b</s><s')).toBe(2);
    expect(tokenizer.former!.encode('a<s>b')).toEqual([3, 1, 4]);
  });

  it('knows unknown characters and what is lost', () => {
    const tokenizer = loadTokenizer(tiny, config);
    expect(tokenizer.encode('abc')).toEqual([9, 0]);
    expect(tokenizer.unkTokenId).toBe(0);
    expect(tokenizer.lossIn!('abc')).toMatch(/has no token for "c"/);
    expect(tokenizer.lossIn!('ab')).toBeNull();
  });

  it('refuses what would drop characters, unknown names and unusable files', () => {
    expect(() => loadTokenizer({ ...tiny, model: { ...tiny.model, unk_token: null } })).toThrow(
      /would drop them/,
    );
    expect(() => loadTokenizer({ ...tiny, model: { ...tiny.model, unk_token: '<none>' } })).toThrow(
      CorruptDataError,
    );
    expect(() => loadTokenizer(tiny, { bos_token: '<bos>' })).toThrow(
      /bos_token is "<bos>", which is no token/,
    );
    expect(() => loadTokenizer({ version: '1.0' })).toThrow(CorruptDataError);
    expect(() => loadTokenizer({ ...tiny, model: { ...tiny.model, type: 'Oracle' } })).toThrow(
      CorruptDataError,
    );
  });
});

describe('tokens around a text', () => {
  const around = (post_processor: Json, more: JsonObject = {}): unknown => {
    const { textPrefix, textSuffix } = loadTokenizer({ ...tiny, post_processor }, { ...config, ...more });
    return [textPrefix, textSuffix];
  };

  it.each<[string, Json, JsonObject, unknown]>([
    ['nothing, though the configuration names a BOS', null, {}, [[], []]],
    ['what a template adds', template([token('<s>'), text, token('</s>')]), {}, [[1], [2]]],
    ['what Roberta adds', { type: 'RobertaProcessing', cls: ['<s>', 1], sep: ['</s>', 2] }, {}, [[1], [2]]],
    ['what BERT adds', { type: 'BertProcessing', cls: ['<s>', 1], sep: ['</s>', 2] }, {}, [[1], [2]]],
    [
      'what a sequence adds',
      { type: 'Sequence', processors: [{ type: 'ByteLevel' }, template([token('<s>'), text])] },
      {},
      [[1], []],
    ],
    ['nothing by bytes', { type: 'ByteLevel' }, {}, [[], []]],
    ['BOS where it is asked for', null, { add_bos_token: true }, [[1], []]],
    ['EOS where it is asked for', { type: 'ByteLevel' }, { add_eos_token: true }, [[], [2]]],
    ['no BOS twice', template([token('<s>'), text]), { add_bos_token: true }, [[1], []]],
    [
      'the post-processor where both speak',
      template([token('<s>'), text]),
      { add_bos_token: false },
      [[1], []],
    ],
  ])('are %s', (_, post, more, expected) => {
    expect(around(post, more)).toEqual(expected);
  });

  it.each<[string, Json]>([
    ['no type', {}],
    ['a token that is none', template([token('<cls>'), text])],
    ['no text', template([token('<s>')])],
    ['the text twice', template([text, text])],
    ['no template', { type: 'TemplateProcessing' }],
    ['a sequence with a part without type', { type: 'Sequence', processors: [{}] }],
    ['Roberta without its tokens', { type: 'RobertaProcessing' }],
  ])('refuse a post-processor with %s at loading', (_, post_processor) => {
    expect(() => loadTokenizer({ ...tiny, post_processor }, config)).toThrow(CorruptDataError);
  });
});

describe('ids of special tokens', () => {
  const load = (files: object): unknown => loadTokenizer(tiny, config, files);

  it.each([
    [
      { config: { bos_token_id: 5 } },
      /config.json says 5, but bos_token of tokenizer_config.json is token 1/,
    ],
    [{ config: { bos_token_id: 5000 } }, /config.json: bos_token_id: is 5000, must be an id from 0 to 11/],
    [{ config: { bos_token_id: -1 } }, /is -1/],
    [{ config: { eos_token_id: [] } }, /is an empty list/],
    [
      { config: { eos_token_id: 3 }, generationConfig: { eos_token_id: [4, 3] } },
      /says 4, 3 and config.json says 3/,
    ],
    [{ generationConfig: { eos_token_id: 'two' } }, /generation_config.json: eos_token_id: is "two"/],
  ])('are refused: %j', (files, message) => {
    expect(() => load(files)).toThrow(InvalidConfigError);
    expect(() => load(files)).toThrow(message);
  });

  it('end documents with the own end token; lists only end generation', () => {
    expect(load({ generationConfig: { eos_token_id: [3, 2] } })).toMatchObject({ eosTokenIds: [2, 3] });
    // ChatML models: config.json keeps the end of the pretraining
    const files = { config: { eos_token_id: 3 }, generationConfig: { eos_token_id: 2 } };
    expect(load(files)).toMatchObject({ eosTokenIds: [2] });
  });

  it('come from the configuration where the tokenizer names none', () => {
    expect(loadTokenizer(tiny, {}, { config: { bos_token_id: 1, eos_token_id: [2, 3] } })).toMatchObject({
      bosTokenId: 1,
      eosTokenIds: [2, 3],
      textPrefix: [],
    });
    expect(loadTokenizer(tiny)).toMatchObject({ bosTokenId: null, eosTokenIds: [] });
  });

  it('may lie beyond the tokenizer and within the model', () => {
    expect(loadTokenizer(tiny, {}, { config: { vocab_size: 20, eos_token_id: 15 } })).toMatchObject({
      eosTokenIds: [15],
    });
  });
});

describe('parts that the library lacks', () => {
  const bytes = Array.from({ length: 256 }, (_, i) => [
    `<0x${i.toString(16).toUpperCase().padStart(2, '0')}>`,
    -20,
  ]);
  const unigram = {
    added_tokens: special(['<unk>', '<s>', '</s>']),
    pre_tokenizer: { type: 'Metaspace', replacement: '▁', prepend_scheme: 'always' },
    decoder: {
      type: 'Sequence',
      decoders: [{ type: 'ByteFallback' }, { type: 'Metaspace', replacement: '▁', prepend_scheme: 'always' }],
    },
    model: {
      type: 'Unigram',
      unk_id: 0,
      byte_fallback: true,
      vocab: [['<unk>', 0], ['<s>', 0], ['</s>', 0], ...bytes, ['▁', -1], ['a', -2]],
    },
  };

  it('bytes of a Unigram model, and its control tokens as text', () => {
    const tokenizer = loadTokenizer(unigram as unknown as JsonObject);
    expect(tokenizer.encode('é')).toEqual([259, 198, 172]);
    expect(tokenizer.decode([259, 198, 172])).toBe('é');
    expect(tokenizer.encode('</s>')).toEqual([259, 63, 50, 118, 65]);
    expect(tokenizer.lossIn!('አማርኛ a é')).toBeNull();
  });

  it('an inverted Split keeps what its pattern does not match', () => {
    const split = (behavior: string): JsonObject => ({
      ...tiny,
      pre_tokenizer: { type: 'Split', pattern: { Regex: 'ab' }, behavior, invert: true },
    });
    const tokenizer = loadTokenizer(split('Isolated'));
    expect(tokenizer.encode('aabs')).toEqual([3, 9, 8]);
    expect(tokenizer.decode(tokenizer.encode('aabs'))).toBe('aabs');
    expect(() => loadTokenizer(split('Removed'))).toThrow(/loses text/);
    expect(() => loadTokenizer(split('Sideways'))).toThrow(/behaves as "Sideways"/);
  });
});

/** Every copy of a value in which one inner value is another. */
function* damages(value: Json): Generator<Json> {
  yield null;
  yield typeof value === 'object' ? 'text' : {};
  if (Array.isArray(value)) {
    for (const [i, inner] of value.entries()) {
      for (const other of damages(inner)) yield value.with(i, other);
    }
  } else if (typeof value === 'object' && value !== null) {
    for (const [key, inner] of Object.entries(value)) {
      for (const other of damages(inner!)) yield { ...value, [key]: other };
    }
  }
}

it('a damaged tokenizer.json is CorruptDataError at loading, or encodes', () => {
  const whole = {
    ...tiny,
    normalizer: { type: 'Sequence', normalizers: [{ type: 'NFC' }] },
    pre_tokenizer: { type: 'Split', pattern: { String: ' ' }, behavior: 'MergedWithPrevious', invert: false },
    post_processor: template([token('<s>'), text]),
    decoder: { type: 'Sequence', decoders: [{ type: 'Fuse' }] },
  } as unknown as Json;
  let [refused, loaded] = [0, 0];
  for (const json of damages(whole)) {
    try {
      const tokenizer = loadTokenizer(json as JsonObject, config);
      tokenizer.decode(tokenizer.encode('ab <s>'));
      loaded++;
    } catch (error) {
      expect(error).toBeInstanceOf(CorruptDataError);
      refused++;
    }
  }
  expect(refused).toBeGreaterThan(50);
  expect(loaded).toBeGreaterThan(10);
});
