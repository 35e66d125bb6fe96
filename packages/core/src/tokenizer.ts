import type { ChatMessage } from './data.ts';

/** Tokens of a conversation. */
export interface ChatTokens {
  readonly ids: readonly number[];
  /** 1 for the tokens of the assistant's answers, each with the token that ends it; else 0. [ids] */
  readonly predicted: Uint8Array;
}

/** A model's chat template. Names of control tokens inside a message are text; only the template gives such tokens. */
export interface ChatFormat {
  /** The conversation up to where the assistant begins to answer. Throws InvalidConfigError. */
  prompt(messages: readonly ChatMessage[]): number[];
  /**
   * A whole conversation. Throws InvalidConfigError where the template refuses it, where it has no answer, and where the
   * template is not prefix-stable: writes earlier turns in another way once later ones follow.
   */
  conversation(messages: readonly ChatMessage[]): ChatTokens;
  /** Tokens that end an answer. */
  readonly stopIds: readonly number[];
}

/** Text to tokens and back. The optional members have defaults, so that a tokenizer of one's own needs few. */
export interface Tokenizer {
  readonly vocabSize: number;
  /** The token that is named as beginning; `textPrefix` says whether it stands in front of a text. */
  readonly bosTokenId: number | null;
  /** Each of them ends a generated text; the first is the tokenizer's own and ends documents. */
  readonly eosTokenIds: readonly number[];
  /** Token of what the vocabulary does not have; text that gives it is lost. Default: none. */
  readonly unkTokenId?: number | null;
  /** Tokens that the tokenizer puts in front of a text by itself. Default: BOS, where there is one. */
  readonly textPrefix?: readonly number[];
  /** Tokens that the tokenizer puts behind a text by itself. Default: none. */
  readonly textSuffix?: readonly number[];
  /** Token ids of plain text, without `textPrefix` and `textSuffix`. Names of control tokens in it are text. */
  encode(text: string): number[];
  /** Control tokens have no text. */
  decode(ids: readonly number[]): string;
  /** Number of places in a text that name a control token, such as `</s>`. Default: 0. */
  countControlNames?(text: string): number;
  /** What encoding loses of a text, as the end of a sentence; null: nothing. Default: nothing is. */
  lossIn?(text: string): string | null;
  /** The chat template of the model's makers. Default: none. */
  readonly chat?: ChatFormat | null;
  /**
   * The same files by the rules of moect 0.1, for runs and packs that were made by them: control tokens are found in
   * text, and the ids of the configuration come first. Default: the tokenizer itself.
   */
  readonly former?: Tokenizer;
}
