import type { JsonObject } from '@moect/core';
import { CorruptDataError, type Tokenizer } from '@moect/core';
import { loadTokenizer } from '../tokenizer/load-tokenizer.ts';
import { type SentencePiece, sentencePieceJson } from '../tokenizer/sentencepiece-json.ts';

const SPECIAL = ['<unk>', '<s>', '</s>'];
const FIRST_MERGED = 259;

function kindOf(id: number): SentencePiece['kind'] {
  if (id < SPECIAL.length) return 'special';
  return id < FIRST_MERGED ? 'byte' : 'normal';
}

function readPieces(bytes: Uint8Array, source: string): SentencePiece[] {
  const refuse = (reason: string): never => {
    throw new CorruptDataError(source, reason, 'Give the tokenizer.bin that belongs to the checkpoint.');
  };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  const pieces: Omit<SentencePiece, 'kind'>[] = [];
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
  return pieces.map((piece, id) => ({ ...piece, text: SPECIAL[id] ?? piece.text, kind: kindOf(id) }));
}

/**
 * A llama2.c tokenizer.bin in the form of tokenizer.json: the same ids for every text that names no special token.
 * Throws CorruptDataError.
 */
export function llama2cTokenizerJson(bytes: Uint8Array, source = 'tokenizer.bin'): JsonObject {
  return sentencePieceJson(readPieces(bytes, source), { unknown: SPECIAL[0]!, addSpace: true });
}

/** A llama2.c tokenizer.bin as a tokenizer: BOS begins a text, and both EOS and BOS end it. Throws CorruptDataError. */
export function readLlama2cTokenizer(bytes: Uint8Array, source = 'tokenizer.bin'): Tokenizer {
  const config = { bos_token: '<s>', eos_token: '</s>', add_bos_token: true };
  return loadTokenizer(llama2cTokenizerJson(bytes, source), config, {
    generationConfig: { eos_token_id: [1, 2] },
  });
}
