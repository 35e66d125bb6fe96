import {
  type BaseModel,
  type Document,
  type DocumentScore,
  type Extension,
  type HiddenStateSource,
  NonFiniteError,
  type Scorer,
  type Tokenizer,
  yieldToHost,
} from '@moect/core';
import { dispose } from '@moect/tensor';
import { encodeDocuments, type ScoringConvention, scoringConvention } from './encode-documents.ts';
import { checkModel, type EvaluatedModel, lossesOf, startOf } from './extended-forward.ts';
import { type WindowBatch, windowBatches } from './window-batches.ts';

/** A {@link DocumentScore} with what metrics per word need. */
export interface ScoredDocument extends DocumentScore {
  /** Pieces between runs of white space, as lm-evaluation-harness counts them (`re.split(r"\s+", text)`). */
  readonly words: number;
}

export interface ScorerOptions {
  readonly name: string;
  readonly base: BaseModel;
  readonly extension?: Extension;
  readonly tokenizer: Tokenizer;
  /** Most tokens that a window reads; default: the base's context. */
  readonly maxLength?: number;
  /**
   * Tokens in one forward pass, padding included; a longer window goes alone. Changes speed and memory; scores only by
   * rounding. Default 2,048.
   */
  readonly batchTokens?: number;
  /** τ of the gates for this scorer, 0 … 1; null: off. Default: the extension's own. */
  readonly gateThreshold?: number | null;
  /**
   * Parity with lm-evaluation-harness and a tokenizer that adds BOS by itself: BOS is scored, given BOS. Default false.
   */
  readonly scoreBos?: boolean;
  /**
   * Hidden states that passes begin with, above the layers that the extension leaves alone. They are rounded to bf16,
   * and scores move by that: compare only scores that begin with the same ones. Default: passes begin with the tokens.
   */
  readonly hiddenStates?: HiddenStateSource;
  /** Callback after each batch, with the number of tokens scored so far and in all. */
  readonly onProgress?: (scoredTokens: number, totalTokens: number) => void;
}

export interface ModelScorer extends Scorer {
  readonly convention: ScoringConvention;
  score(documents: readonly Document[]): Promise<ScoredDocument[]>;
}

/** −log P of each scored position's token, in one read. */
async function tokenLosses(model: EvaluatedModel, batch: WindowBatch): Promise<Float32Array> {
  const from = await startOf(model, batch);
  try {
    const losses = lossesOf(model, batch, from);
    try {
      return (await losses.data()) as Float32Array;
    } finally {
      losses.dispose();
    }
  } finally {
    dispose(from);
  }
}

/**
 * Log-likelihoods of documents under a base or a base with an extension (docs/metrics.md §1): each document alone
 * after the prefix token (BOS, else EOS), disjoint rolling windows, float64 sums of float32 log-softmax, every token
 * once. Memory is that of one pass, without whole logits: it grows with the longest window, not with the text. An empty text has no scored token. `batchTokens` and the order of the documents change no score beyond float32
 * rounding; the same call gives the same bits.
 * Throws InvalidConfigError; `score` throws NonFiniteError.
 */
export function createScorer(options: ScorerOptions): ModelScorer {
  const { name, base, tokenizer, batchTokens, onProgress } = options;
  const convention = scoringConvention(options);
  const model: EvaluatedModel = {
    base,
    ...(options.extension && { extension: options.extension }),
    ...(options.gateThreshold !== undefined && { gateThreshold: options.gateThreshold }),
    ...(options.hiddenStates && { hiddenStates: options.hiddenStates }),
  };
  checkModel(model);
  return {
    name,
    convention,
    async score(documents) {
      const encoded = encodeDocuments(documents, tokenizer, convention, base.vocabSize);
      const logProbs = encoded.map(({ tokens }) => new Float64Array(tokens.length));
      const total = encoded.reduce((sum, { tokens }) => sum + tokens.length, 0);
      let done = 0;
      for (const batch of windowBatches(encoded, convention, batchTokens)) {
        const losses = await tokenLosses(model, batch);
        for (const { position, document, token } of batch.scored) {
          const loss = losses[position]!;
          if (!Number.isFinite(loss)) {
            const { id, language } = documents[document]!;
            throw new NonFiniteError(
              `Log-probability of token ${token} of document '${id}' (${language}) under '${name}'`,
              'The weights may be damaged, or training diverged: try an earlier checkpoint.',
            );
          }
          logProbs[document]![token] = -loss;
        }
        done += batch.scored.length;
        onProgress?.(done, total);
        await yieldToHost();
      }
      return encoded.map(({ document: { id, language, text }, bytes }, i) => {
        return { id, language, bytes, words: text.split(/\s+/).length, logProbs: logProbs[i]! };
      });
    },
  };
}
