import { describe, expect, it } from 'vitest';
import { textStream } from './text-stream.ts';

/** Tokens are bytes. */
const decode = (ids: readonly number[]): string => new TextDecoder().decode(Uint8Array.from(ids));
const bytes = (text: string): number[] => [...new TextEncoder().encode(text)];

/** Pieces of a text that comes byte by byte, and all of it. */
function stream(text: string | readonly number[], stop: readonly string[] = [], prompt = 'habari é') {
  const pieces: string[] = [];
  const { push, end } = textStream(decode, bytes(prompt), stop, (piece) => pieces.push(piece));
  const ids = typeof text === 'string' ? bytes(text) : text;
  const ended = ids.findIndex((id) => push(id));
  const all = end();
  expect(pieces.join('')).toBe(all);
  return { pieces, all, read: ended < 0 ? ids.length : ended + 1 };
}

describe('text of tokens', () => {
  it('comes in whole characters, whatever the prompt', () => {
    const text = 'aé漢🐘 — ok';
    for (const prompt of ['', 'x', '漢漢漢漢']) {
      expect(stream(text, [], prompt).pieces).toEqual([...text]);
    }
  });

  it('ends without a character that was cut', () => {
    for (const cut of [1, 2, 3]) {
      expect(stream(bytes('ok 🐘').slice(0, -cut)).all).toBe('ok ');
    }
  });

  it('keeps replacement characters that the model wrote', () => {
    expect(stream('a\ufffdb').all).toBe('a\ufffdb');
  });

  it('ends before a stop string, over any borders of tokens, and reads no further', () => {
    const { all, read } = stream('one two\nQ: three', ['\nQ:']);
    expect(all).toBe('one two');
    expect(read).toBe('one two\nQ:'.length);
    expect(stream('one é two', ['é']).all).toBe('one ');
    expect(stream('one two', ['two', 'ne t']).all).toBe('o');
  });

  it('holds back what may begin a stop string, and shows it once it does not', () => {
    const { pieces, all } = stream('a\nb\nQ!', ['\nQ:']);
    expect(all).toBe('a\nb\nQ!');
    expect(pieces).toEqual(['a', '\nb', '\nQ!']);
    expect(stream('aaab', ['aab']).all).toBe('a');
  });

  it('shows at the end what no stop string followed', () => {
    expect(stream('a\nQ', ['\nQ:']).all).toBe('a\nQ');
  });
});
