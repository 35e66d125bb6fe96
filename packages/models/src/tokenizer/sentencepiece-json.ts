import type { Json, JsonObject } from '@moect/core';

/** A piece of a SentencePiece model; its place in the list is its id. */
export interface SentencePiece {
  readonly text: string;
  /** The better of two pieces is merged first. */
  readonly score: number;
  /** `normal` pieces come from merging; `special` and `defined` ones are added tokens; `byte` ones stand for a byte. */
  readonly kind: 'normal' | 'special' | 'defined' | 'byte';
}

/** SentencePiece's sign for a space. */
const SPACE = '\u2581';

const replace = (from: string, to: string): Json => ({
  type: 'Replace',
  pattern: { String: from },
  content: to,
});

export function addedToken(content: string, id: number, special: boolean): Json {
  return { id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special };
}

/**
 * All merges of two pieces, best score first; merges that give the same piece are ordered by left id, then right
 * id, as Hugging Face's SentencePiece converter orders them. SentencePiece merges the best-scored pair, leftmost first.
 */
function mergesOf(pieces: readonly SentencePiece[], ids: ReadonlyMap<string, number>): [string, string][] {
  const order = pieces.map((_, id) => id).filter((id) => pieces[id]!.kind === 'normal');
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
 * A SentencePiece model of the BPE kind in the form of tokenizer.json: the same ids for every text that names no added token.
 * @param unknown text of the unknown token
 * @param addSpace a space is put before the text
 */
export function sentencePieceJson(
  pieces: readonly SentencePiece[],
  { unknown, addSpace }: { readonly unknown: string; readonly addSpace: boolean },
): JsonObject {
  const ids = new Map<string, number>();
  for (const [id, { text }] of pieces.entries()) if (!ids.has(text)) ids.set(text, id);
  const isAdded = ({ kind }: SentencePiece): boolean => kind === 'special' || kind === 'defined';
  const added = pieces.flatMap((piece, id) =>
    isAdded(piece) ? [addedToken(piece.text, id, piece.kind === 'special')] : [],
  );
  const prefix = addSpace ? [{ type: 'Prepend', prepend: SPACE }] : [];
  const strip = addSpace ? [{ type: 'Strip', content: ' ', start: 1, stop: 0 }] : [];
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: added,
    normalizer: { type: 'Sequence', normalizers: [...prefix, replace(' ', SPACE)] },
    pre_tokenizer: null,
    post_processor: null,
    decoder: {
      type: 'Sequence',
      decoders: [replace(SPACE, ' '), { type: 'ByteFallback' }, { type: 'Fuse' }, ...strip],
    },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: unknown,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: true,
      byte_fallback: pieces.some(({ kind }) => kind === 'byte'),
      ignore_merges: false,
      vocab: Object.fromEntries(ids),
      merges: mergesOf(pieces, ids),
    },
  };
}
