import { InvalidConfigError, type Tokenizer } from '@moect/core';
import { describe, expect, it } from 'vitest';
import { fitVocabulary } from './vocabulary.ts';

/** Tokens are character codes from `a`; `é` is the token behind them. */
const tokenizer: Tokenizer = {
  vocabSize: 27,
  bosTokenId: null,
  eosTokenIds: [],
  encode: (text) => [...text].map((character) => (character === 'é' ? 26 : character.charCodeAt(0) - 97)),
  decode: (ids) => ids.map((id) => (id === 26 ? '' : String.fromCharCode(97 + id))).join(''),
};
const added = (special: boolean) => ({ added_tokens: [{ id: 26, content: '<pad>', special }] });

describe('a token without a weight', () => {
  it('that is special is left out, with a note; a text that gives it all the same is refused', () => {
    const fitted = fitVocabulary(tokenizer, 26, 'model', added(true));
    expect(fitted.notes).toEqual(["the tokenizer's <pad> has no weight in the model and is left out"]);
    expect(fitted.tokenizer!.vocabSize).toBe(26);
    expect(fitted.tokenizer!.encode('abc')).toEqual([0, 1, 2]);
    expect(() => fitted.tokenizer!.encode('aé')).toThrow(
      /gives the token 26, and the model has only 26 tokens/,
    );
  });

  it('that is a word, or not named at all, is refused', () => {
    for (const json of [added(false), {}]) {
      const fit = () => fitVocabulary(tokenizer, 26, 'model', json);
      expect(fit).toThrow(InvalidConfigError);
      expect(fit).toThrow(/vocab_size: is 26, but the tokenizer has 27 tokens/);
    }
  });

  it('is no matter where the model has more of them', () => {
    expect(fitVocabulary(tokenizer, 30, 'model')).toEqual({ tokenizer, notes: [] });
    expect(fitVocabulary(null, 3, 'model').tokenizer).toBeNull();
  });
});
