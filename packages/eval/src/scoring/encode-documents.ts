import { type BaseModel, type Document, InvalidConfigError, type Tokenizer } from '@moect/core';
import { type DocumentFrame, documentFrame, encodeDocument, type PrefixToken, TextLosses } from '@moect/data';

/** A document as a model reads it: `firstId`, then `tokens`. */
export interface EncodedDocument {
  readonly document: Document;
  /** The first input, which is not scored. */
  readonly firstId: number;
  /** The tokens after it, with BOS in front where BOS is scored. */
  readonly tokens: readonly number[];
  /** Number of each scored token among the scored ones; −1: it is not scored. [tokens] */
  readonly scored: Int32Array;
  /** Scored tokens. */
  readonly scoredCount: number;
  /** UTF-8 bytes of the scored text. */
  readonly bytes: number;
}

/** Rules that a log-likelihood was computed by; two results compare only when they are the same. */
export interface ScoringConvention {
  /** Token before the first scored one: by its name where it is BOS or EOS. */
  readonly prefixToken: 'bos' | 'eos' | 'other';
  readonly prefixTokenId: number;
  /** True in harness parity: BOS is itself the first scored token, predicted from BOS. */
  readonly bosScored: boolean;
  /** Most tokens that a window reads. */
  readonly maxLength: number;
}

interface FrameOptions {
  readonly tokenizer: Tokenizer;
  readonly prefixToken?: PrefixToken;
}

interface ConventionOptions extends FrameOptions {
  readonly base: BaseModel;
  readonly maxLength?: number;
  readonly scoreBos?: boolean;
}

function nameOf(id: number, { bosTokenId, eosTokenIds }: Tokenizer): ScoringConvention['prefixToken'] {
  if (id === bosTokenId) return 'bos';
  return eosTokenIds.includes(id) ? 'eos' : 'other';
}

/** Throws InvalidConfigError with every problem. */
export function scoringConvention(options: ConventionOptions): ScoringConvention {
  const { base, tokenizer, scoreBos = false } = options;
  const maxLength = options.maxLength ?? base.maxPositions;
  const frame = documentFrame(tokenizer, options.prefixToken);
  const prefixTokenId = frame.prefixIds.at(-1)!;
  const prefixToken = nameOf(prefixTokenId, frame.tokenizer);
  const problems = [];
  if (!Number.isInteger(maxLength) || maxLength < 1 || maxLength > base.maxPositions) {
    const message = `must be a whole number from 1 to ${base.maxPositions}, the base's context, is ${maxLength}`;
    problems.push({ path: 'maxLength', message });
  }
  if (scoreBos && prefixToken !== 'bos') {
    problems.push({
      path: 'scoreBos',
      message: 'needs a tokenizer that puts BOS in front; this one does not',
    });
  }
  if (problems.length > 0) throw new InvalidConfigError('scoring', problems);
  return { prefixToken, prefixTokenId, bosScored: scoreBos, maxLength };
}

/** Numbers the scored tokens. */
function scoredOf(predicted: ArrayLike<number>): {
  readonly scored: Int32Array;
  readonly scoredCount: number;
} {
  const scored = new Int32Array(predicted.length);
  let scoredCount = 0;
  for (let i = 0; i < predicted.length; i++) scored[i] = predicted[i] === 1 ? scoredCount++ : -1;
  return { scored, scoredCount };
}

function encodeOne(document: Document, frame: DocumentFrame, bosScored: boolean): EncodedDocument {
  const { prefixIds, ids, predicted, bytes } = encodeDocument(document, frame);
  const isText = document.messages === undefined;
  const [firstId, ...others] = prefixIds;
  const more = bosScored && isText ? [...others, prefixIds.at(-1)!] : others;
  const all = new Uint8Array(more.length + ids.length).fill(1, others.length);
  if (predicted !== null) all.set(predicted, more.length);
  return { document, firstId: firstId!, tokens: [...more, ...ids], ...scoredOf(all), bytes };
}

/**
 * Throws InvalidConfigError for a token that the model does not have, and where the tokenizer loses text in more than
 * one document in a hundred; see `encodeDocument` for conversations.
 */
export function encodeDocuments(
  documents: readonly Document[],
  { tokenizer, prefixToken }: FrameOptions,
  { bosScored }: ScoringConvention,
  vocabSize: number,
): EncodedDocument[] {
  const frame = documentFrame(tokenizer, prefixToken);
  const losses = new TextLosses(frame.tokenizer);
  const encoded = documents.map((document) => {
    const one = encodeOne(document, frame, bosScored);
    const outside = [one.firstId, ...one.tokens].find((id) => id < 0 || id >= vocabSize);
    if (outside !== undefined) {
      const message = `gives token ${outside} in document '${document.id}', the model has 0 … ${vocabSize - 1}`;
      throw new InvalidConfigError(
        'scoring',
        [{ path: 'tokenizer', message }],
        'Use the tokenizer that belongs to the base.',
      );
    }
    losses.add(document, { ids: one.tokens });
    return one;
  });
  losses.check();
  return encoded;
}
