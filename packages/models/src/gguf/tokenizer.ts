import type { Json, JsonObject } from '@moect/core';
import type { GgufFile } from '@moect/safetensors';
import { addedToken, type SentencePiece, sentencePieceJson } from '../tokenizer/sentencepiece-json.ts';
import { PRE_TOKENIZERS, type PreTokenizer } from './pre-tokenizers.ts';
import { numbersOf, readVocabulary, TOKEN, textsOf, type Vocabulary } from './vocabulary.ts';

/** A tokenizer as a Hugging Face folder would have it. */
export interface TokenizerFiles {
  /** tokenizer.json */
  readonly tokenizer: JsonObject;
  /** tokenizer_config.json */
  readonly tokenizerConfig: JsonObject;
  /** generation_config.json */
  readonly generationConfig: JsonObject;
}

/** Tokens that llama.cpp's converter makes up for ids that the model's tokenizer does not have. */
const isFiller = (text: string, type: number): boolean => type === TOKEN.unused && /^\[PAD\d+\]$/.test(text);

const isAdded = (type: number): boolean =>
  type === TOKEN.control || type === TOKEN.unknown || type === TOKEN.defined;

const split = (pattern: string): Json => ({
  type: 'Split',
  pattern: { Regex: pattern },
  behavior: 'Isolated',
  invert: false,
});

const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false };

/** Byte-level BPE (GPT-2). Throws InvalidConfigError for a pre-tokenizer that is not known. */
function bpeJson(vocabulary: Vocabulary, merges: readonly string[], pre: PreTokenizer): JsonObject {
  const { texts, types } = vocabulary;
  const ids = new Map<string, number>();
  for (const [id, text] of texts.entries()) {
    if (!isFiller(text, types[id]!) && !ids.has(text)) ids.set(text, id);
  }
  const splits = [...pre.patterns.map(split), byteLevel, ...(pre.letterPatterns ?? []).map(split)];
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: texts.flatMap((text, id) =>
      isAdded(types[id]!) ? [addedToken(text, id, types[id] !== TOKEN.defined)] : [],
    ),
    normalizer: pre.normalizer === undefined ? null : { type: pre.normalizer },
    pre_tokenizer: { type: 'Sequence', pretokenizers: splits },
    post_processor: null,
    decoder: byteLevel,
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: pre.ignoreMerges === true,
      vocab: Object.fromEntries(ids),
      merges,
    },
  };
}

const KINDS: Readonly<Record<number, SentencePiece['kind']>> = {
  [TOKEN.unknown]: 'special',
  [TOKEN.control]: 'special',
  [TOKEN.defined]: 'defined',
  [TOKEN.byte]: 'byte',
};

function sentencePieces({ texts, types }: Vocabulary, scores: readonly number[]): SentencePiece[] {
  return texts.map((text, id) => ({ text, score: scores[id]!, kind: KINDS[types[id]!] ?? 'normal' }));
}

/** What a Llama post-processor adds: beginning and end of text, as the file says. */
function postProcessor({ texts }: Vocabulary, bos: number | null, eos: number | null): Json {
  const special = [bos, eos].flatMap((id) => (id === null ? [] : [{ id, content: texts[id]! }]));
  const token = (id: number | null): Json[] =>
    id === null ? [] : [{ SpecialToken: { id: texts[id]!, type_id: 0 } }];
  const sequence = (name: string): Json => ({ Sequence: { id: name, type_id: name === 'A' ? 0 : 1 } });
  return {
    type: 'TemplateProcessing',
    single: [...token(bos), sequence('A'), ...token(eos)],
    pair: [...token(bos), sequence('A'), ...token(eos), ...token(bos), sequence('B'), ...token(eos)],
    special_tokens: Object.fromEntries(
      special.map(({ id, content }) => [content, { id: content, ids: [id], tokens: [content] }]),
    ),
  };
}

/** A template, or several by name as transformers lists them. */
function chatTemplate({ value, fields }: Vocabulary): JsonObject {
  const own = value('chat_template');
  const names = value('chat_templates');
  if (own == null) return {};
  if (typeof own !== 'string') fields.problem('tokenizer.chat_template', 'must be a text');
  if (!Array.isArray(names)) return { chat_template: own };
  const named = names.map((name): Json => ({ name, template: value(`chat_template.${String(name)}`) ?? '' }));
  return { chat_template: [{ name: 'default', template: own }, ...named] };
}

function describe(vocabulary: Vocabulary, json: JsonObject, defaults: { addBos: boolean }): TokenizerFiles {
  const { fields, texts, id } = vocabulary;
  const addBos = fields.flag('tokenizer.ggml.add_bos_token', defaults.addBos);
  const addEos = fields.flag('tokenizer.ggml.add_eos_token', false);
  const [bos, eos] = [id('bos'), id('eos')];
  const ends = [eos, id('eot')].filter((token) => token !== null);
  const names = { bos_token: bos, eos_token: eos, unk_token: id('unknown'), pad_token: id('padding') };
  const named = Object.entries(names).flatMap(([key, token]) =>
    token === null ? [] : [[key, texts[token]!]],
  );
  const tokenizerConfig = {
    ...Object.fromEntries(named),
    add_bos_token: addBos,
    add_eos_token: addEos,
    clean_up_tokenization_spaces: false,
    ...chatTemplate(vocabulary),
  };
  fields.finish();
  return {
    tokenizer: {
      ...json,
      post_processor: postProcessor(vocabulary, addBos ? bos : null, addEos ? eos : null),
    },
    tokenizerConfig,
    generationConfig: {
      ...(bos !== null && { bos_token_id: bos }),
      ...(ends.length > 0 && { eos_token_id: ends.length === 1 ? ends[0]! : [...new Set(ends)] }),
    },
  };
}

function readBpe({ metadata }: GgufFile, vocabulary: Vocabulary): TokenizerFiles {
  const { fields } = vocabulary;
  const merges = textsOf(metadata, 'tokenizer.ggml.merges', fields);
  if (merges === undefined) fields.problem('tokenizer.ggml.merges', 'is missing');
  const name = fields.text('tokenizer.ggml.pre', 'default');
  const pre = Object.hasOwn(PRE_TOKENIZERS, name) ? PRE_TOKENIZERS[name] : undefined;
  if (pre === undefined) {
    const known = Object.keys(PRE_TOKENIZERS).join(', ');
    fields.problem('tokenizer.ggml.pre', `is '${name}', known: ${known}`);
  }
  fields.finish('Use the Hugging Face folder of this model, which has its own tokenizer.json.');
  return describe(vocabulary, bpeJson(vocabulary, merges!, pre!), { addBos: pre!.addBos === true });
}

function readSentencePiece({ metadata }: GgufFile, vocabulary: Vocabulary): TokenizerFiles {
  const { fields, texts, id } = vocabulary;
  const scores = numbersOf(metadata, 'tokenizer.ggml.scores', fields);
  if (scores?.length !== texts.length) {
    fields.problem('tokenizer.ggml.scores', `has ${scores?.length ?? 0} values for ${texts.length} tokens`);
  }
  const addSpace = fields.flag('tokenizer.ggml.add_space_prefix', true);
  fields.finish();
  const unknown = texts[id('unknown') ?? 0]!;
  const json = sentencePieceJson(sentencePieces(vocabulary, scores!), { unknown, addSpace });
  return describe(vocabulary, json, { addBos: true });
}

const MODELS: Readonly<Record<string, typeof readBpe>> = { gpt2: readBpe, llama: readSentencePiece };

/**
 * The tokenizer of a GGUF file; null where it has none. Ids are those of the model's own tokenizer.json.
 * Throws InvalidConfigError for a kind or a pre-tokenizer that is not known.
 */
export function readGgufTokenizer(file: GgufFile): TokenizerFiles | null {
  const vocabulary = readVocabulary(file);
  if (vocabulary === null) return null;
  const read = Object.hasOwn(MODELS, vocabulary.model) ? MODELS[vocabulary.model] : undefined;
  if (read === undefined) {
    const known = Object.keys(MODELS).join(', ');
    vocabulary.fields.problem('tokenizer.ggml.model', `is '${vocabulary.model}', known: ${known}`);
    vocabulary.fields.finish('Use the Hugging Face folder of this model, which has its own tokenizer.json.');
  }
  return read!(file, vocabulary);
}
