import type { ChatFormat, Document, Tokenizer } from '@moect/core';
import { describe, expect, it } from 'vitest';
import { createBatchSource } from '../mixing/batch-source.ts';
import { createByteTokenizer } from './byte-tokenizer.ts';
import { documentBytes } from './encode-document.ts';
import { packDocuments } from './pack-documents.ts';
import { tokenCacheFingerprint, tokenizeDocuments } from './tokenize-documents.ts';

const bytes = createByteTokenizer();
const [asks, answers, ends] = [258, 259, 257];

/** Turns as ids: who speaks, the bytes, and the end. */
const chat: ChatFormat = {
  stopIds: [ends],
  prompt: () => [],
  conversation(messages) {
    const turns = messages.map(({ role, content }) => {
      const isAnswer = role === 'assistant';
      const ids = [isAnswer ? answers : asks, ...bytes.encode(content), ends];
      return { ids, predicted: ids.map((_, i) => Number(isAnswer && i > 0)) };
    });
    return {
      ids: turns.flatMap(({ ids }) => ids),
      predicted: Uint8Array.from(turns.flatMap(({ predicted }) => predicted)),
    };
  },
};
const tokenizer: Tokenizer = { ...bytes, vocabSize: 260, chat };

const talk = (question: string, answer: string, id = 'c'): Document => {
  const messages = [
    { role: 'user', content: question },
    { role: 'assistant', content: answer },
  ];
  return { id, language: 'und', text: `${question} ${answer}`, messages };
};
const plain = (text: string): Document => ({ id: text, language: 'und', text });
const options = { sequenceLength: 8, prefixIds: [256], eosTokenId: 257 };
const textOf = (ids: Int32Array): string => bytes.decode([...ids].filter((id) => id >= 0));

describe('conversations', () => {
  it('are predicted in their answers and what ends them, without prefix and document end', async () => {
    const packed = packDocuments(await tokenizeDocuments(tokenizer, [talk('q', 'ab')]), options);
    expect([...packed.tokens]).toEqual([asks, 113, ends, answers, 97, 98, 0, 0]);
    expect([...packed.targets]).toEqual([-1, -1, -1, 97, 98, ends, -1, -1]);
    expect([...packed.documentIds]).toEqual([0, 0, 0, 0, 0, 0, -1, -1]);
    expect(packed).toMatchObject({ targetCount: 3, textBytes: 2, documents: 1 });
  });

  it('stand beside plain documents, whole where they fit', async () => {
    const cache = await tokenizeDocuments(tokenizer, [plain('xyz'), talk('q', 'ab'), plain('w')]);
    const packed = packDocuments(cache, options);
    expect(packed.count).toBe(2);
    expect([...packed.documentIds]).toEqual([0, 0, 0, 0, -1, -1, -1, -1, 1, 1, 1, 1, 1, 1, 2, 2]);
    expect(textOf(packed.targets)).toBe('xyzabw');
    expect(packed.targetCount).toBe(4 + 3 + 2);
  });

  it('predict each token of an answer once, however they are cut', async () => {
    const answer = 'a rather long answer, cut more than once';
    const cache = await tokenizeDocuments(tokenizer, [talk('why?', answer), talk('and?', 'so')]);
    for (const sequenceLength of [3, 5, 8, 64]) {
      const packed = packDocuments(cache, { ...options, sequenceLength });
      expect(textOf(packed.targets)).toBe(`${answer}so`);
      expect(packed.targetCount).toBe(answer.length + 2 + 2);
    }
  });

  it('leave no sequence without a target', async () => {
    const cache = await tokenizeDocuments(tokenizer, [talk('q'.repeat(50), 'a')]);
    const packed = packDocuments(cache, options);
    expect(packed.count).toBe(1);
    for (let row = 0; row < packed.count; row++) {
      expect(packed.targets.subarray(row * 8, row * 8 + 8).some((target) => target >= 0)).toBe(true);
    }
  });

  it('keep their targets in batches', async () => {
    const cache = await tokenizeDocuments(tokenizer, [talk('q', 'ab'), talk('r', 'cd', 'd')]);
    const sequences = packDocuments(cache, options);
    const languages = [{ code: 'und', role: 'new' as const, sequences }];
    const source = createBatchSource({ languages, batchSize: 2, seed: 1, tokenizerId: 't' });
    const { targets } = source.batch(0);
    expect([...targets].filter((id) => id >= 0).toSorted((a, b) => a - b)).toEqual([
      97,
      98,
      99,
      100,
      ends,
      ends,
    ]);
  });

  it('are told apart from the same tokens as text', async () => {
    const masked = await tokenizeDocuments(tokenizer, [talk('q', 'ab')]);
    const { predicted: _, firstIds: __, ...all } = masked;
    expect(tokenCacheFingerprint(masked)).not.toBe(tokenCacheFingerprint(all));
    const prints = [masked, all].map((cache) => packDocuments(cache, options).fingerprint);
    expect(prints[0]).not.toBe(prints[1]);
  });

  it('count the bytes of their answers', () => {
    expect(documentBytes(talk('long question', 'é'))).toBe(2);
    expect(documentBytes(plain('é'))).toBe(2);
  });

  it('are refused by a base without a chat template', async () => {
    await expect(tokenizeDocuments(bytes, [talk('q', 'a')])).rejects.toThrow(
      /c: is a conversation \(messages\), and this base has no chat template.*instruct model/s,
    );
  });
});

describe('text that a tokenizer loses', () => {
  const unk = 258;
  const lossy: Tokenizer = {
    ...bytes,
    vocabSize: 260,
    unkTokenId: unk,
    encode: (text) => Array.from(text, (char) => (char < '\u0080' ? char.charCodeAt(0) : unk)),
    lossIn: (text) => (/[^\0-\u007f]/.test(text) ? 'has no token for "…"' : null),
  };

  it('is refused beyond one document in a hundred', async () => {
    await expect(tokenizeDocuments(lossy, [plain('abc'), plain('አማርኛ')])).rejects.toThrow(
      /loses text in 1 of 2 documents; in አማርኛ it has no token.*bits per byte/s,
    );
  });

  it('is counted below', async () => {
    const documents = Array.from({ length: 200 }, (_, i) => plain(i === 7 ? 'é' : `text ${i}`));
    expect(await tokenizeDocuments(lossy, documents)).toMatchObject({ lossyDocuments: 1 });
  });

  it('is found where no token is unknown', async () => {
    const lower: Tokenizer = {
      ...bytes,
      lossIn: (text) => (text === text.toLowerCase() ? null : 'gives back another text'),
    };
    await expect(tokenizeDocuments(lower, [plain('Abc')])).rejects.toThrow(/gives back another text/);
    expect((await tokenizeDocuments(lower, [plain('abc')])).lossyDocuments).toBeUndefined();
  });

  it('names of control tokens are counted', async () => {
    const counting: Tokenizer = { ...bytes, countControlNames: (text) => text.split('<s>').length - 1 };
    expect(await tokenizeDocuments(counting, [plain('a<s>b'), plain('<s>')])).toMatchObject({
      controlNames: 2,
    });
  });
});
