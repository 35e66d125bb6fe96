import {
  type ConfigProblem,
  CorruptDataError,
  InvalidConfigError,
  isJsonObject,
  type JsonObject,
} from '@moect/core';
import { TOKENIZER_FILE } from './check-json.ts';
import type { HuggingFaceTokenizer } from './library.ts';

/** Files beside tokenizer.json that name special tokens. */
export interface SpecialTokenFiles {
  /** config.json */
  readonly config?: JsonObject;
  /** generation_config.json */
  readonly generationConfig?: JsonObject;
}

/** Ids of special tokens. */
export interface SpecialIds {
  readonly bosTokenId: number | null;
  /** The tokenizer's own first, then the others that end a generated text. */
  readonly eosTokenIds: readonly number[];
}

/** `"<s>"` or `{ "content": "<s>", … }`. */
export function tokenText(value: unknown): string | null {
  if (typeof value === 'string') return value;
  return isJsonObject(value) && typeof value['content'] === 'string' ? value['content'] : null;
}

/** Id of a token that tokenizer_config.json names; null where it names none. Throws CorruptDataError. */
export function namedId(tokenizer: HuggingFaceTokenizer, config: JsonObject, key: string): number | null {
  const text = tokenText(config[key]);
  if (text === null) return null;
  const id = tokenizer.token_to_id(text);
  if (id !== undefined) return id;
  throw new CorruptDataError(
    'tokenizer_config.json',
    `${key} is ${JSON.stringify(text)}, which is no token`,
    `Take both files from the same folder as ${TOKENIZER_FILE}.`,
  );
}

class IdReader {
  readonly problems: ConfigProblem[] = [];
  readonly #vocabSize: number;

  constructor(vocabSize: number) {
    this.#vocabSize = vocabSize;
  }

  #say(path: string, message: string): void {
    this.problems.push({ path, message });
  }

  /** The ids under a key: one, or a list; null where there is none. */
  read(file: string, json: JsonObject, key: string): readonly number[] | null {
    const value = json[key];
    if (value === undefined || value === null) return null;
    const list = Array.isArray(value) ? value : [value];
    const path = `${file}: ${key}`;
    if (list.length === 0) this.#say(path, 'is an empty list; leave it out where there is no such token');
    const wrong = list.filter((id) => !Number.isInteger(id) || id < 0 || id >= this.#vocabSize);
    for (const id of wrong) {
      this.#say(path, `is ${JSON.stringify(id)}, must be an id from 0 to ${this.#vocabSize - 1}`);
    }
    return wrong.length > 0 || list.length === 0 ? null : (list as number[]);
  }

  /** The tokenizer's own id must be among the ids of at least one of the other files that have any. */
  agree(
    key: string,
    own: number | null,
    others: readonly { file: string; ids: readonly number[] | null }[],
  ): void {
    const given = others.filter(({ ids }) => ids !== null);
    if (own === null || given.length === 0 || given.some(({ ids }) => ids!.includes(own))) return;
    const said = given.map(({ file, ids }) => `${file} says ${ids!.join(', ')}`).join(' and ');
    this.#say(`${key}_id`, `${said}, but ${key} of tokenizer_config.json is token ${own}`);
  }
}

/**
 * The ids of BOS and EOS. Those of tokenizer_config.json come first; config.json and generation_config.json name them
 * where it does not, and their lists of end tokens only end a generated text.
 * Throws InvalidConfigError for ids outside the vocabulary, empty lists, and files that contradict each other;
 * CorruptDataError for a name that is no token.
 * @param vocabSize of the tokenizer
 */
export function specialIds(
  tokenizer: HuggingFaceTokenizer,
  tokenizerConfig: JsonObject,
  vocabSize: number,
  { config = {}, generationConfig = {} }: SpecialTokenFiles,
): SpecialIds {
  const ownBos = namedId(tokenizer, tokenizerConfig, 'bos_token');
  const ownEos = namedId(tokenizer, tokenizerConfig, 'eos_token');
  const modelSize = typeof config['vocab_size'] === 'number' ? config['vocab_size'] : 0;
  const reader = new IdReader(Math.max(vocabSize, modelSize));
  const files = [
    { file: 'generation_config.json', json: generationConfig },
    { file: 'config.json', json: config },
  ];
  const idsOf = (key: string) => files.map(({ file, json }) => ({ file, ids: reader.read(file, json, key) }));
  const [bos, eos] = [idsOf('bos_token_id'), idsOf('eos_token_id')];
  reader.agree('bos_token', ownBos, bos);
  reader.agree('eos_token', ownEos, eos);
  if (reader.problems.length > 0) {
    throw new InvalidConfigError(
      'Special tokens of the base',
      reader.problems,
      'Take all files from one revision of the model, or correct the one that is wrong.',
    );
  }
  const ends = eos.find(({ ids }) => ids !== null)?.ids ?? [];
  return {
    bosTokenId: ownBos ?? bos.find(({ ids }) => ids !== null)?.ids?.[0] ?? null,
    eosTokenIds: [...new Set([...(ownEos === null ? [] : [ownEos]), ...ends])],
  };
}

/** The ids as moect 0.1 read them: generation_config.json, config.json, tokenizer_config.json, in this order. */
export function formerSpecialIds(
  own: SpecialIds,
  { config = {}, generationConfig = {} }: SpecialTokenFiles,
): SpecialIds {
  const bos = generationConfig['bos_token_id'] ?? config['bos_token_id'];
  const eos = generationConfig['eos_token_id'] ?? config['eos_token_id'];
  return {
    bosTokenId: typeof bos === 'number' ? bos : own.bosTokenId,
    eosTokenIds: eos == null ? own.eosTokenIds : ((Array.isArray(eos) ? eos : [eos]) as number[]),
  };
}
