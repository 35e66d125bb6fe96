import { CorruptDataError, type JsonObject, type Tokenizer } from '@moect/core';
import { chatFormatOf } from '../chat/chat-format.ts';
import { affixesOf } from './affixes.ts';
import {
  type AddedTokenJson,
  addedTokensOf,
  checkedTokenizerJson,
  damaged,
  TOKENIZER_FILE,
} from './check-json.ts';
import { asPlainText, buildLibrary, type HuggingFaceTokenizer, unknownId } from './library.ts';
import { checkOwnPieces, lossIn } from './lossless.ts';
import { formerSpecialIds, type SpecialTokenFiles, specialIds } from './special-ids.ts';

/** Files beside tokenizer.json and tokenizer_config.json that a tokenizer reads. */
export interface TokenizerFiles extends SpecialTokenFiles {
  /** chat_template.jinja; it comes before the template of tokenizer_config.json. */
  readonly chatTemplate?: string;
}

/** A BPE without unknown token, byte fallback or byte-level pieces would leave characters out of the ids, silently. */
function checkNothingIsDropped(json: JsonObject): void {
  const { pre_tokenizer: before, normalizer } = json;
  const model = json['model'] as JsonObject;
  if (model['type'] !== 'BPE') return;
  const isByteLevel = JSON.stringify([before, normalizer]).includes('"ByteLevel"');
  if (isByteLevel || model['byte_fallback'] === true || model['unk_token'] != null) return;
  throw new CorruptDataError(
    TOKENIZER_FILE,
    'has no token for characters outside its vocabulary and would drop them',
    'Use a tokenizer with byte-level pieces, byte fallback or an unknown token.',
  );
}

/** Size of the vocabulary: highest id + 1. Throws CorruptDataError. */
function vocabSizeOf(tokenizer: HuggingFaceTokenizer): number {
  const ids = [...tokenizer.get_vocab().values()];
  if (ids.length === 0) throw damaged('has no vocabulary');
  return ids.reduce((size, id) => Math.max(size, id + 1), 0);
}

/** Ids of a text. Throws CorruptDataError for text without token. */
function idsOf(tokenizer: HuggingFaceTokenizer, text: string): number[] {
  const ids: number[] = text === '' ? [] : tokenizer.encode(text, { add_special_tokens: false }).ids;
  const hole = ids.findIndex((id) => !Number.isSafeInteger(id));
  if (hole < 0) return ids;
  throw new CorruptDataError(
    TOKENIZER_FILE,
    'has no token for a part of the text and no unknown token',
    'Use a tokenizer with byte fallback, byte-level pieces or an unknown token.',
  );
}

function textOf(tokenizer: HuggingFaceTokenizer, ids: readonly number[]): string {
  const known = ids.filter((id) => tokenizer.id_to_token(id) !== undefined);
  if (known.length === 0) return '';
  return tokenizer.decode(known, { skip_special_tokens: true, clean_up_tokenization_spaces: false });
}

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

/** Counts names of control tokens; the longest name counts where several begin. */
function nameCounter(added: readonly AddedTokenJson[]): (text: string) => number {
  const names = added.filter(({ special }) => special).map(({ content }) => content);
  if (names.length === 0) return () => 0;
  const pattern = new RegExp(
    names
      .toSorted((a, b) => b.length - a.length)
      .map(escaped)
      .join('|'),
    'g',
  );
  return (text) => text.match(pattern)?.length ?? 0;
}

/**
 * A tokenizer from a Hugging Face folder's files. Plain text gives no control token, whatever it says; decoding leaves
 * control tokens out and skips ids that are no token.
 * @param json contents of tokenizer.json
 * @param config contents of tokenizer_config.json: names of the special tokens
 * Throws CorruptDataError, and InvalidConfigError where the files' ids of special tokens contradict each other.
 */
export function loadTokenizer(
  json: JsonObject,
  config: JsonObject = {},
  files: TokenizerFiles = {},
): Tokenizer {
  const added = addedTokensOf(json);
  const checked = checkedTokenizerJson(json, added);
  checkNothingIsDropped(checked);
  const library = buildLibrary(checked, config);
  const vocabSize = vocabSizeOf(library);
  const special = specialIds(library, config, vocabSize, files);
  const plain = asPlainText(library);
  const affixes = affixesOf(library, config, special);
  const encodeControl = (text: string): number[] => idsOf(library, text);
  const shared = {
    vocabSize,
    unkTokenId: unknownId(library),
    decode: (ids: readonly number[]) => textOf(library, ids),
  };
  const encode = (text: string): number[] => idsOf(plain, text);
  checkOwnPieces({ ...shared, encode }, vocabSize);
  return {
    ...shared,
    ...special,
    textPrefix: affixes.prefix,
    textSuffix: affixes.suffix,
    encode,
    countControlNames: nameCounter(added),
    lossIn: (text) => lossIn(text, { ...shared, encode }),
    chat: chatFormatOf({ library, config, added, special, template: files.chatTemplate }),
    former: { ...shared, ...formerSpecialIds(special, files), encode: encodeControl },
  };
}
