import { CorruptDataError } from '@moect/core';
import { TOKENIZER_FILE } from './check-json.ts';

interface Coding {
  encode(text: string): readonly number[];
  decode(ids: readonly number[]): string;
  readonly unkTokenId: number | null;
}

/**
 * Canonically equal spellings are one text, white space at its ends may be the tokenizer's own, and SentencePiece writes
 * a space as U+2581.
 */
const same = (text: string): string => text.normalize('NFC').replaceAll('\u2581', ' ').trim();

/** Around the first difference. */
function excerpt(text: string, other: string): string {
  const [a, b] = [Array.from(text), Array.from(other)];
  const at = a.findIndex((char, i) => char !== b[i]);
  return JSON.stringify(a.slice(Math.max(0, at - 10), at + 10).join(''));
}

/** The first character that gives the unknown token by itself. */
function unknownCharacter(text: string, { encode, unkTokenId }: Coding): string | undefined {
  return [...new Set(text)].find((char) => encode(char).includes(unkTokenId!));
}

/** See `Tokenizer.lossIn`. */
export function lossIn(text: string, coding: Coding): string | null {
  const ids = coding.encode(text);
  if (coding.unkTokenId !== null && ids.includes(coding.unkTokenId)) {
    const char = unknownCharacter(text, coding);
    return char === undefined ? 'has no token for a part of it' : `has no token for ${JSON.stringify(char)}`;
  }
  const [before, after] = [same(text), same(coding.decode(ids))];
  return before === after ? null : `gives back another text at ${excerpt(before, after)}`;
}

const SAMPLED_PIECES = 64;

/** Text of the tokenizer's own pieces, spread over its vocabulary. */
function ownText({ decode }: Coding, vocabSize: number): string {
  const step = Math.max(1, Math.floor(vocabSize / SAMPLED_PIECES));
  const pieces: string[] = [];
  for (let id = 0; id < vocabSize; id += step) {
    const piece = decode([id]);
    // an incomplete character is no text
    if (piece.trim() !== '' && !piece.includes('\ufffd')) pieces.push(piece.trim());
  }
  return pieces.join(' ');
}

/**
 * Encodes and decodes text of the tokenizer's own pieces, of which nothing may be lost. Also shows at once what would
 * otherwise fail at the first text. Throws CorruptDataError.
 */
export function checkOwnPieces(coding: Coding, vocabSize: number): void {
  const refuse = (reason: string, cause?: unknown): never => {
    const hint = `Fetch ${TOKENIZER_FILE} again, or use another base: what was lost could be neither trained nor scored.`;
    throw new CorruptDataError(TOKENIZER_FILE, reason, hint, cause);
  };
  let problem: string | null = null;
  try {
    const text = ownText(coding, vocabSize);
    const ids = coding.encode(text);
    // separators that a small vocabulary lacks are shown when a text has them
    if (coding.unkTokenId !== null && ids.includes(coding.unkTokenId)) return;
    problem = lossIn(text, coding);
  } catch (cause) {
    if (cause instanceof CorruptDataError) throw cause;
    refuse(`cannot encode text (${(cause as Error).message})`, cause);
  }
  if (problem !== null) refuse(`loses text: it ${problem}`);
}
