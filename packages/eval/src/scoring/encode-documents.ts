import { type BaseModel, type Document, InvalidConfigError, type Tokenizer } from '@moect/core';

/** A document as a model reads it. */
export interface EncodedDocument {
  readonly document: Document;
  /** Tokens to score: those of the text, with BOS in front where BOS is scored. */
  readonly tokens: readonly number[];
  /** UTF-8 bytes of the text. */
  readonly bytes: number;
}

/** Rules that a log-likelihood was computed by; two results compare only when they are the same. */
export interface ScoringConvention {
  /** Token before the first scored one. */
  readonly prefixToken: 'bos' | 'eos';
  readonly prefixTokenId: number;
  /** True in harness parity: BOS is itself the first scored token, predicted from BOS. */
  readonly bosScored: boolean;
  /** Most tokens that a window reads. */
  readonly maxLength: number;
}

interface ConventionOptions {
  readonly base: BaseModel;
  readonly tokenizer: Tokenizer;
  readonly maxLength?: number;
  readonly scoreBos?: boolean;
}

/** Throws InvalidConfigError with every problem. */
export function scoringConvention(options: ConventionOptions): ScoringConvention {
  const { base, tokenizer, scoreBos = false } = options;
  const maxLength = options.maxLength ?? base.maxPositions;
  const { bosTokenId, eosTokenIds } = tokenizer;
  const prefixTokenId = bosTokenId ?? eosTokenIds[0];
  const problems = [];
  if (!Number.isInteger(maxLength) || maxLength < 1 || maxLength > base.maxPositions) {
    const message = `must be a whole number from 1 to ${base.maxPositions}, the base's context, is ${maxLength}`;
    problems.push({ path: 'maxLength', message });
  }
  if (prefixTokenId === undefined) {
    problems.push({ path: 'tokenizer', message: 'has neither a BOS nor an EOS token to put before a text' });
  }
  if (scoreBos && bosTokenId === null) {
    problems.push({ path: 'scoreBos', message: 'needs a tokenizer with a BOS token; this one has none' });
  }
  if (problems.length > 0) throw new InvalidConfigError('scoring', problems);
  return {
    prefixToken: bosTokenId === null ? 'eos' : 'bos',
    prefixTokenId: prefixTokenId!,
    bosScored: scoreBos,
    maxLength,
  };
}

const utf8 = new TextEncoder();

/** Throws InvalidConfigError for a token that the model does not have. */
export function encodeDocuments(
  documents: readonly Document[],
  tokenizer: Tokenizer,
  convention: ScoringConvention,
  vocabSize: number,
): EncodedDocument[] {
  return documents.map((document) => {
    const ids = tokenizer.encode(document.text);
    const outside = ids.find((id) => id < 0 || id >= vocabSize);
    if (outside !== undefined) {
      const message = `gives token ${outside} in document '${document.id}', the model has 0 … ${vocabSize - 1}`;
      throw new InvalidConfigError(
        'scoring',
        [{ path: 'tokenizer', message }],
        'Use the tokenizer that belongs to the base.',
      );
    }
    const tokens = convention.bosScored ? [convention.prefixTokenId, ...ids] : ids;
    return { document, tokens, bytes: utf8.encode(document.text).length };
  });
}
