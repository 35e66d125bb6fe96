import type { JsonObject } from '@moect/core';
import { CorruptDataError, type Json, type Tokenizer } from '@moect/core';
import { loadTokenizer } from '../tokenizer/load-tokenizer.ts';

const SPECIAL = ['<unk>', '<s>', '</s>'];
const FIRST_MERGED = 259;

interface Piece {
  readonly text: string;
  readonly score: number;
}

function readPieces(bytes: Uint8Array, source: string): Piece[] {
  const refuse = (reason: string): never => {
    throw new CorruptDataError(source, reason, 'Give the tokenizer.bin that belongs to the checkpoint.');
  };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  const pieces: Piece[] = [];
  for (let at = 4; at < bytes.length; ) {
    if (at + 8 > bytes.length) refuse('ends inside a piece');
    const [score, length] = [view.getFloat32(at, true), view.getInt32(at + 4, true)];
    at += 8;
    if (length < 0 || at + length > bytes.length) refuse(`piece ${pieces.length} says ${length} bytes`);
    try {
      // a space stands for SentencePiece's U+2581 here
      pieces.push({ text: utf8.decode(bytes.subarray(at, at + length)).replaceAll(' ', '\u2581'), score });
    } catch {
      refuse(`piece ${pieces.length} is not UTF-8`);
    }
    at += length;
  }
  if (pieces.length < FIRST_MERGED || pieces[3]!.text !== '<0x00>' || pieces[258]!.text !== '<0xFF>') {
    refuse('has no byte pieces <0x00> … <0xFF> at ids 3 … 258');
  }
  return pieces.map((piece, id) => ({ ...piece, text: SPECIAL[id] ?? piece.text }));
}

/**
 * All merges of two pieces, best score first; merges that give the same piece are ordered by left id, then right
 * id, as Hugging Face's SentencePiece converter orders them. llama2.c merges the best-scored pair, leftmost first.
 */
function mergesOf(pieces: readonly Piece[], ids: ReadonlyMap<string, number>): [string, string][] {
  const order = pieces.map((_, id) => id).slice(FIRST_MERGED);
  order.sort((a, b) => pieces[b]!.score - pieces[a]!.score || a - b);
  return order.flatMap((id) => {
    const letters = [...pieces[id]!.text];
    const splits = letters.slice(1).map((_, i): [string, string] => {
      return [letters.slice(0, i + 1).join(''), letters.slice(i + 1).join('')];
    });
    const known = splits.filter(([left, right]) => ids.has(left) && ids.has(right));
    return known.sort(([a, b], [c, d]) => ids.get(a)! - ids.get(c)! || ids.get(b)! - ids.get(d)!);
  });
}

/**
 * A llama2.c tokenizer.bin in the form of tokenizer.json: the same ids for every text that names no special token.
 * Throws CorruptDataError.
 */
export function llama2cTokenizerJson(bytes: Uint8Array, source = 'tokenizer.bin'): JsonObject {
  const pieces = readPieces(bytes, source);
  const ids = new Map<string, number>();
  for (const [id, { text }] of pieces.entries()) if (!ids.has(text)) ids.set(text, id);
  const added = SPECIAL.map((content, id): Json => {
    return {
      id,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    };
  });
  const replace = (from: string, to: string): Json => ({
    type: 'Replace',
    pattern: { String: from },
    content: to,
  });
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: added,
    normalizer: {
      type: 'Sequence',
      normalizers: [{ type: 'Prepend', prepend: '\u2581' }, replace(' ', '\u2581')],
    },
    pre_tokenizer: null,
    post_processor: null,
    decoder: {
      type: 'Sequence',
      decoders: [
        replace('\u2581', ' '),
        { type: 'ByteFallback' },
        { type: 'Fuse' },
        { type: 'Strip', content: ' ', start: 1, stop: 0 },
      ],
    },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: '<unk>',
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: true,
      byte_fallback: true,
      ignore_merges: false,
      vocab: Object.fromEntries(ids),
      merges: mergesOf(pieces, ids),
    },
  };
}

/** A llama2.c tokenizer.bin as a tokenizer: BOS begins a text, and both EOS and BOS end it. Throws CorruptDataError. */
export function readLlama2cTokenizer(bytes: Uint8Array, source = 'tokenizer.bin'): Tokenizer {
  const config = { bos_token: '<s>', eos_token: '</s>', add_bos_token: true };
  return loadTokenizer(llama2cTokenizerJson(bytes, source), config, {
    generationConfig: { eos_token_id: [1, 2] },
  });
}
