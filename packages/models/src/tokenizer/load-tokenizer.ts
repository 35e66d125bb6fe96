import { Tokenizer as HuggingFaceTokenizer } from '@huggingface/tokenizers';
import { CorruptDataError, isJsonObject, type JsonObject, type Tokenizer } from '@moect/core';

/** Special ids from other files of the folder; they take precedence over tokenizer_config.json. */
export interface SpecialIds {
  readonly bosTokenId?: number | null;
  readonly eosTokenIds?: readonly number[];
}

const NAME = 'tokenizer.json';

/** `"<s>"` or `{ "content": "<s>", … }`. */
function tokenText(value: unknown): string | null {
  if (typeof value === 'string') return value;
  return isJsonObject(value) && typeof value['content'] === 'string' ? value['content'] : null;
}

function build(json: JsonObject, config: JsonObject): HuggingFaceTokenizer {
  const parts = {
    normalizer: null,
    pre_tokenizer: null,
    post_processor: null,
    decoder: null,
    added_tokens: [],
  };
  try {
    return new HuggingFaceTokenizer({ ...parts, ...json }, config);
  } catch (cause) {
    throw new CorruptDataError(
      NAME,
      `cannot be used (${(cause as Error).message})`,
      'It must be a tokenizer.json of Hugging Face tokenizers.',
      cause,
    );
  }
}

/** A BPE without unknown token, byte fallback or byte-level pieces would leave characters out of the ids, silently. */
function checkNothingIsDropped(json: JsonObject): void {
  const { model, pre_tokenizer: before, normalizer } = json;
  if (!isJsonObject(model) || model['type'] !== 'BPE') return;
  const isByteLevel = JSON.stringify([before, normalizer]).includes('"ByteLevel"');
  if (isByteLevel || model['byte_fallback'] === true || model['unk_token'] != null) return;
  throw new CorruptDataError(
    NAME,
    'has no token for characters outside its vocabulary and would drop them',
    'Use a tokenizer with byte-level pieces, byte fallback or an unknown token.',
  );
}

/** The library's byte decoder drops a leading U+FEFF; the reference implementation keeps it. */
function keepByteOrderMarks(decoder: unknown): void {
  if (typeof decoder !== 'object' && typeof decoder !== 'function') return;
  const node = decoder as { decoders?: unknown[]; text_decoder?: TextDecoder } | null;
  for (const inner of node?.decoders ?? []) keepByteOrderMarks(inner);
  if (node?.text_decoder !== undefined) node.text_decoder = new TextDecoder('utf-8', { ignoreBOM: true });
}

/** Size of the vocabulary: highest id + 1. Throws CorruptDataError for ids that are not whole numbers from 0. */
function vocabSizeOf(tokenizer: HuggingFaceTokenizer): number {
  let size = 0;
  for (const [token, id] of tokenizer.get_vocab()) {
    if (!Number.isSafeInteger(id) || id < 0) {
      throw new CorruptDataError(NAME, `token '${token}' has the id ${id}`, 'Ids are whole numbers from 0.');
    }
    size = Math.max(size, id + 1);
  }
  if (size === 0) throw new CorruptDataError(NAME, 'has no vocabulary', 'Fetch the file again.');
  return size;
}

function idOf(tokenizer: HuggingFaceTokenizer, config: JsonObject, key: string): number | null {
  const text = tokenText(config[key]);
  if (text === null) return null;
  const id = tokenizer.token_to_id(text);
  if (id !== undefined) return id;
  throw new CorruptDataError(
    'tokenizer_config.json',
    `${key} is ${JSON.stringify(text)}, which is no token`,
    `Take both files from the same folder as ${NAME}.`,
  );
}

/**
 * A tokenizer from a Hugging Face folder's files. Encoding adds no special token; decoding leaves special
 * tokens out and skips ids that are no token.
 * @param json contents of tokenizer.json
 * @param config contents of tokenizer_config.json: names of the special tokens
 * Throws CorruptDataError.
 */
export function loadTokenizer(
  json: JsonObject,
  config: JsonObject = {},
  special: SpecialIds = {},
): Tokenizer {
  checkNothingIsDropped(json);
  const tokenizer = build(json, config);
  keepByteOrderMarks(tokenizer.decoder);
  const vocabSize = vocabSizeOf(tokenizer);
  const eos = idOf(tokenizer, config, 'eos_token');
  return {
    vocabSize,
    bosTokenId: special.bosTokenId ?? idOf(tokenizer, config, 'bos_token'),
    eosTokenIds: special.eosTokenIds ?? (eos === null ? [] : [eos]),
    encode(text) {
      const ids: number[] = text === '' ? [] : tokenizer.encode(text, { add_special_tokens: false }).ids;
      const hole = ids.findIndex((id) => !Number.isSafeInteger(id));
      if (hole < 0) return ids;
      throw new CorruptDataError(
        NAME,
        'has no token for a part of the text and no unknown token',
        'Use a tokenizer with byte fallback, byte-level pieces or an unknown token.',
      );
    },
    decode(ids) {
      const known = ids.filter((id) => tokenizer.id_to_token(id) !== undefined);
      if (known.length === 0) return '';
      return tokenizer.decode(known, { skip_special_tokens: true, clean_up_tokenization_spaces: false });
    },
  };
}
