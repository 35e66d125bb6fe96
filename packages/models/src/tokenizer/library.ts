import { Tokenizer as HuggingFaceTokenizer } from '@huggingface/tokenizers';
import type { JsonObject } from '@moect/core';
import { damaged } from './check-json.ts';
import { splitBy } from './split.ts';

export type { HuggingFaceTokenizer };

interface Splitter {
  split(text: string): string[];
}

interface AddedToken {
  readonly content: string;
  readonly special: boolean;
  readonly normalized: boolean;
}

type PreTokenizer = (text: string, options?: object) => string[];

/** Parts of the library's object that its types leave out, and that its encoding reads. */
interface Internals {
  splitter_unnormalized: Splitter;
  splitter_normalized: Splitter;
  readonly added_tokens: readonly AddedToken[];
  added_tokens_map: ReadonlyMap<string, AddedToken>;
  pre_tokenizer: PreTokenizer | null;
  model: {
    readonly tokens_to_ids: ReadonlyMap<string, number>;
    readonly config: JsonObject;
    readonly unk_token_id?: number;
    encode(tokens: string[]): string[];
  };
}

const internalsOf = (tokenizer: HuggingFaceTokenizer): Internals => tokenizer as unknown as Internals;

/** The library's byte decoder drops a leading U+FEFF; the reference implementation keeps it. */
function keepByteOrderMarks(decoder: unknown): void {
  if (typeof decoder !== 'object' && typeof decoder !== 'function') return;
  const node = decoder as { decoders?: unknown[]; text_decoder?: TextDecoder } | null;
  for (const inner of node?.decoders ?? []) keepByteOrderMarks(inner);
  if (node?.text_decoder !== undefined) node.text_decoder = new TextDecoder('utf-8', { ignoreBOM: true });
}

/** The library splits by a pattern in two of the five ways, and drops what an inverted pattern does not match. */
function splitInEveryWay(preTokenizer: unknown): void {
  if (typeof preTokenizer !== 'object' && typeof preTokenizer !== 'function') return;
  const node = preTokenizer as {
    tokenizers?: unknown[];
    pattern?: RegExp | null;
    config?: JsonObject;
    pre_tokenize_text?: (text: string) => string[];
  } | null;
  for (const inner of node?.tokenizers ?? []) splitInEveryWay(inner);
  if (node?.config?.['type'] !== 'Split') return;
  const { pattern, config } = node;
  if (pattern == null) throw damaged('a Split has no pattern');
  node.pre_tokenize_text = splitBy(pattern, config['behavior'] ?? 'Isolated', config['invert'] === true);
}

const utf8 = new TextEncoder();

/** The library has no byte fallback for Unigram models. */
function fallBackToBytes({ model }: Internals): void {
  if (model.config['type'] !== 'Unigram' || model.config['byte_fallback'] !== true) return;
  const encode = model.encode.bind(model);
  const bytesOf = (piece: string): string[] => {
    const names = Array.from(
      utf8.encode(piece),
      (byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`,
    );
    return names.every((name) => model.tokens_to_ids.has(name)) ? names : [piece];
  };
  model.encode = (tokens) =>
    encode(tokens).flatMap((piece) => (model.tokens_to_ids.has(piece) ? [piece] : bytesOf(piece)));
}

/** The library's tokenizer, with what it lacks. Throws CorruptDataError. */
export function buildLibrary(json: JsonObject, config: JsonObject): HuggingFaceTokenizer {
  const absent = {
    normalizer: null,
    pre_tokenizer: null,
    post_processor: null,
    decoder: null,
    added_tokens: [],
  };
  try {
    const tokenizer = new HuggingFaceTokenizer({ ...absent, ...json }, config);
    keepByteOrderMarks(tokenizer.decoder);
    splitInEveryWay(tokenizer.pre_tokenizer);
    fallBackToBytes(internalsOf(tokenizer));
    return tokenizer;
  } catch (cause) {
    throw damaged(`cannot be used (${(cause as Error).message})`, cause);
  }
}

export const unknownId = (tokenizer: HuggingFaceTokenizer): number | null =>
  internalsOf(tokenizer).model.unk_token_id ?? null;

/** A splitter of the library's own kind. */
function splitterLike(splitter: Splitter, contents: readonly string[]): Splitter {
  const Constructor = splitter.constructor as new (contents: readonly string[]) => Splitter;
  return new Constructor(contents);
}

/**
 * The same tokenizer, vocabulary included, to which names of control tokens are text (`encode_special_tokens` of the
 * reference implementation).
 */
export function asPlainText(tokenizer: HuggingFaceTokenizer): HuggingFaceTokenizer {
  const plain = Object.create(tokenizer) as HuggingFaceTokenizer;
  const { normalizer } = tokenizer;
  const [from, to] = [internalsOf(tokenizer), internalsOf(plain)];
  const others = from.added_tokens.filter(({ special }) => !special);
  const isLate = ({ normalized }: AddedToken): boolean => normalized && normalizer !== null;
  const early = others.filter((token) => !isLate(token)).map(({ content }) => content);
  const late = others.filter(isLate).map(({ content }) => normalizer!(content));
  to.added_tokens_map = new Map([...from.added_tokens_map].filter(([, { special }]) => !special));
  to.splitter_unnormalized = splitterLike(from.splitter_unnormalized, early);
  to.splitter_normalized = splitterLike(from.splitter_normalized, late);
  return plain;
}

/** The same tokenizer, which drops a character once control tokens have been found: it kept a name from being one. */
export function withShield(tokenizer: HuggingFaceTokenizer, shield: string): HuggingFaceTokenizer {
  const shielded = Object.create(tokenizer) as HuggingFaceTokenizer;
  const before = internalsOf(tokenizer).pre_tokenizer;
  internalsOf(shielded).pre_tokenizer = (text, options) => {
    const bare = text.replaceAll(shield, '');
    return before === null ? [bare] : before(bare, options);
  };
  return shielded;
}
