import type { Document } from './data.ts';

/** Log-probabilities of one document's tokens under one model. */
export interface DocumentScore {
  readonly id: string;
  readonly language: string;
  /** UTF-8 bytes of the text as given to the tokenizer; of a conversation, of its answers. */
  readonly bytes: number;
  /** log P(token | prefix), nats, float64: one per scored token, in order. */
  readonly logProbs: Float64Array;
}

/** Gives probabilities to text: a base, base + extension, or a combination. */
export interface Scorer {
  readonly name: string;
  score(documents: readonly Document[]): Promise<DocumentScore[]>;
}
