import { readFileSync } from 'node:fs';
import { CorruptDataError } from '@moect/core';
import { fixture, fixtureJson } from 'moect-test-support/fixtures';
import { describe, expect, it } from 'vitest';
import { loadTokenizer } from './load-tokenizer.ts';

interface Golden {
  readonly text: string;
  readonly ids: number[];
  readonly ids_no_special: number[];
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
      const { text, ids, ids_no_special, decoded } = JSON.parse(line) as Golden;
      if (tokenizer.encode(text).join() !== ids_no_special.join())
        wrong.push(`encode ${JSON.stringify(text)}`);
      if (tokenizer.decode(ids) !== decoded) wrong.push(`decode ${JSON.stringify(decoded)}`);
    }
    expect(wrong).toEqual([]);
    expect(lines.length).toBeGreaterThan(name === 'stories260k-rstrip' ? 20 : 200);
  });
});

describe('loadTokenizer', () => {
  const vocab = { '<unk>': 0, '<s>': 1, '</s>': 2, a: 3, b: 4, ab: 5 };
  const tiny = {
    version: '1.0',
    added_tokens: ['<unk>', '<s>', '</s>'].map((content, id) => ({
      ...{ id, content, special: true, normalized: false, single_word: false, lstrip: false, rstrip: false },
    })),
    decoder: { type: 'Fuse' },
    model: { type: 'BPE', unk_token: '<unk>', vocab, merges: [['a', 'b']] },
  };
  const config = { bos_token: '<s>', eos_token: { content: '</s>' }, add_bos_token: true };

  it('adds no special token and leaves them out of text', () => {
    const tokenizer = loadTokenizer(tiny, config);
    expect(tokenizer).toMatchObject({ vocabSize: 6, bosTokenId: 1, eosTokenIds: [2] });
    expect(tokenizer.encode('aba')).toEqual([5, 3]);
    expect(tokenizer.encode('')).toEqual([]);
    expect(tokenizer.decode([1, 5, 3, 2])).toBe('aba');
    expect(tokenizer.decode([])).toBe('');
    expect(tokenizer.decode([3, 99])).toBe('a');
  });

  it('takes special ids from elsewhere when given', () => {
    const special = { bosTokenId: 2, eosTokenIds: [1, 2] };
    expect(loadTokenizer(tiny, config, special)).toMatchObject(special);
    expect(loadTokenizer(tiny)).toMatchObject({ bosTokenId: null, eosTokenIds: [] });
  });

  it('refuses what would drop characters, unknown names and unusable files', () => {
    expect(loadTokenizer(tiny).encode('abc')).toEqual([5, 0]);
    expect(() => loadTokenizer({ ...tiny, model: { ...tiny.model, unk_token: null } })).toThrow(
      /would drop them/,
    );
    expect(() =>
      loadTokenizer({ ...tiny, model: { ...tiny.model, unk_token: '<none>' } }).encode('c'),
    ).toThrow(CorruptDataError);
    expect(() => loadTokenizer(tiny, { bos_token: '<bos>' })).toThrow(
      /bos_token is "<bos>", which is no token/,
    );
    expect(() => loadTokenizer({ version: '1.0' })).toThrow(CorruptDataError);
    expect(() => loadTokenizer({ ...tiny, model: { type: 'Oracle' } })).toThrow(CorruptDataError);
  });
});
