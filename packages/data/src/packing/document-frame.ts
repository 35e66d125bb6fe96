import { InvalidConfigError, type Tokenizer } from '@moect/core';

/** Choices of what stands in front of a text; see {@link documentFrame}. */
export const PREFIX_TOKENS = ['tokenizer', 'bos', 'eos', 'moect-0.1'] as const;

export type PrefixToken = (typeof PREFIX_TOKENS)[number];

/** What stands around a text in training, scoring and generation. */
export interface DocumentFrame {
  readonly prefixToken: PrefixToken;
  /** Stand before a document and are not predicted; the first token of its text is predicted from them. At least one. */
  readonly prefixIds: readonly number[];
  /** Stand before a prompt that is continued. */
  readonly promptIds: readonly number[];
  /** Ends a document; null where the tokenizer has no such token. */
  readonly endId: number | null;
  /** Encodes text. */
  readonly tokenizer: Tokenizer;
}

function missing(what: string): InvalidConfigError {
  return new InvalidConfigError(
    'Tokenizer',
    [{ path: 'data.prefixToken', message: `needs ${what}, and the tokenizer has none` }],
    'Name one in tokenizer_config.json: bos_token or eos_token.',
  );
}

function chosen(token: number | null | undefined, what: string): readonly number[] {
  if (token === null || token === undefined) throw missing(what);
  return [token];
}

/**
 * The one rule of what training packs, what scoring is conditioned on and what generation feeds (docs/tokens.md §1).
 *
 * `tokenizer`, the default: what the tokenizer itself puts in front of a text (`textPrefix`: its post-processor, or
 * `add_bos_token`). Where it adds nothing, a document stands after the token that ends documents, as one document after
 * another does, because its first token must be predicted from something (lm-evaluation-harness does the same); a prompt
 * then stands alone, as in transformers. `bos` and `eos` put that token before documents and prompts alike.
 * `moect-0.1` is how moect 0.1 did it, for runs and packs made by it: BOS where the configuration names one, else EOS.
 * Throws InvalidConfigError without a token to put there.
 */
export function documentFrame(given: Tokenizer, prefixToken: PrefixToken = 'tokenizer'): DocumentFrame {
  const tokenizer = prefixToken === 'moect-0.1' ? (given.former ?? given) : given;
  const { bosTokenId, eosTokenIds } = tokenizer;
  const endId = eosTokenIds[0] ?? null;
  const shared = { prefixToken, endId, tokenizer };
  if (prefixToken === 'tokenizer') {
    const own = tokenizer.textPrefix ?? (bosTokenId === null ? [] : [bosTokenId]);
    const prefixIds = own.length > 0 ? own : chosen(endId ?? bosTokenId, 'a beginning or end token');
    return { ...shared, prefixIds, promptIds: own };
  }
  const id = {
    bos: bosTokenId,
    eos: endId,
    'moect-0.1': bosTokenId ?? endId,
  }[prefixToken];
  const names = { bos: 'BOS', eos: 'EOS', 'moect-0.1': 'BOS or EOS' };
  const ids = chosen(id, names[prefixToken]);
  return { ...shared, prefixIds: ids, promptIds: ids };
}
