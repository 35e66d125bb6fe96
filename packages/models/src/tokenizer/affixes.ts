import type { JsonObject } from '@moect/core';
import { damaged } from './check-json.ts';
import type { HuggingFaceTokenizer } from './library.ts';
import type { SpecialIds } from './special-ids.ts';

/** Tokens that a tokenizer puts around a text by itself. */
export interface Affixes {
  readonly prefix: readonly number[];
  readonly suffix: readonly number[];
}

/** A piece that stands for the text; no vocabulary has it. */
const TEXT = '\u0000text';

function ofPostProcessor(tokenizer: HuggingFaceTokenizer): Affixes {
  const { post_processor: process } = tokenizer;
  if (process === null) return { prefix: [], suffix: [] };
  let pieces: string[];
  try {
    pieces = process([TEXT], null, true).tokens;
  } catch (cause) {
    throw damaged(`post_processor cannot be used (${(cause as Error).message})`, cause);
  }
  const at = pieces.indexOf(TEXT);
  if (at < 0 || pieces.lastIndexOf(TEXT) !== at) throw damaged('post_processor does not keep the text once');
  const ids = pieces.map((piece) => {
    const id = piece === TEXT ? 0 : tokenizer.token_to_id(piece);
    if (id !== undefined) return id;
    throw damaged(`post_processor adds ${JSON.stringify(piece)}, which is no token`);
  });
  return { prefix: ids.slice(0, at), suffix: ids.slice(at + 1) };
}

/**
 * What stands around a text: what the post-processor of tokenizer.json adds; where it adds nothing, BOS and EOS as
 * `add_bos_token` and `add_eos_token` of tokenizer_config.json ask for. A post-processor has the last word, as in
 * transformers 5 (`PreTrainedTokenizerBase._from_pretrained`). A BOS that a configuration merely names is not added.
 * Throws CorruptDataError.
 */
export function affixesOf(tokenizer: HuggingFaceTokenizer, config: JsonObject, special: SpecialIds): Affixes {
  const own = ofPostProcessor(tokenizer);
  if (own.prefix.length + own.suffix.length > 0) return own;
  const { bosTokenId } = special;
  const [eosTokenId] = special.eosTokenIds;
  return {
    prefix: config['add_bos_token'] === true && bosTokenId !== null ? [bosTokenId] : [],
    suffix: config['add_eos_token'] === true && eosTokenId !== undefined ? [eosTokenId] : [],
  };
}
