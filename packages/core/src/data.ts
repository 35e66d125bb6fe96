export type LanguageRole = 'old' | 'new' | 'unknown';

/** A turn of a conversation. */
export interface ChatMessage {
  /** `system`, `user`, `assistant`, or what else the model's chat template knows. */
  readonly role: string;
  readonly content: string;
}

export interface Document {
  /** Unique within its source; names the place in messages. */
  readonly id: string;
  /** Of a conversation: all of it, readable. */
  readonly text: string;
  /** For example `swh_Latn`. */
  readonly language: string;
  /** A conversation, laid out by the model's chat template; only the answers are predicted. Default: plain text. */
  readonly messages?: readonly ChatMessage[];
}

/** Text of one language. */
export interface CorpusSource {
  readonly contract: 'corpus-source/1';
  readonly language: string;
  readonly role: LanguageRole;
  documents(): AsyncIterable<Document>;
}

/**
 * Fixed-size training batch on the host. All arrays are row-major [batchSize, sequenceLength].
 */
export interface Batch {
  readonly batchSize: number;
  readonly sequenceLength: number;
  readonly tokens: Int32Array;
  /** Next token; −1 where there is none to predict. */
  readonly targets: Int32Array;
  /** Restarts at 0 with each document. */
  readonly positions: Int32Array;
  /** Attention stays inside equal ids; −1 for padding. */
  readonly documentIds: Int32Array;
  /** Index into `BatchSource.languages`; −1 for padding. */
  readonly languageIds: Int32Array;
  /** Values of LANGUAGE_ROLES. */
  readonly roles: Int32Array;
}

/** Seekable: the batch at a counter does not depend on earlier calls. */
export interface BatchSource {
  readonly languages: readonly { readonly code: string; readonly role: LanguageRole }[];
  /** Changes when the data, the tokenizer or the packing changes; checkpoints refuse a different one. */
  readonly fingerprint: string;
  batch(counter: number): Batch;
}

/** Chooses the language of the sequence at each counter. */
export interface Sampler {
  readonly contract: 'sampler/1';
  /** @returns index of the language */
  at(counter: number): number;
}
