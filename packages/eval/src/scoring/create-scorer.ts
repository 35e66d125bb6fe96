import {
  type BaseModel,
  type Document,
  type DocumentScore,
  type Extension,
  type HiddenStateSource,
  NonFiniteError,
  type Scorer,
  type Tokenizer,
  type TokenMemory,
  yieldToHost,
} from '@moect/core';
import type { PrefixToken } from '@moect/data';
import { dispose } from '@moect/tensor';
import {
  type EncodedDocument,
  encodeDocuments,
  type ScoringConvention,
  scoringConvention,
} from './encode-documents.ts';
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
  /** Mixed into the probabilities of the model. Default: none. */
  readonly memory?: TokenMemory;
  readonly tokenizer: Tokenizer;
  /** What stands in front of a document. Default: `tokenizer`; see `documentFrame` of @moect/data. */
  readonly prefixToken?: PrefixToken;
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

/** Words of the scored text: of a conversation, of its answers. */
function wordsOf(text: string, messages: Document['messages']): number {
  const answers = messages?.filter(({ role }) => role === 'assistant').map(({ content }) => content);
  return (answers ?? [text]).reduce((sum, part) => sum + part.split(/\s+/).length, 0);
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

/** Log-probabilities of a document's scored tokens under model and memory, in float64. */
function remembered(
  memory: TokenMemory | undefined,
  { firstId, tokens, scored }: EncodedDocument,
  logProbs: Float64Array,
): Float64Array {
  if (memory === undefined) return logProbs;
  const reader = memory.start();
  reader.skip(firstId);
  const mixed = new Float64Array(logProbs.length);
  for (const [i, token] of tokens.entries()) {
    const number = scored[i]!;
    if (number < 0) reader.skip(token);
    else mixed[number] = reader.read(token, logProbs[number]!);
  }
  return mixed;
}

/**
 * Log-likelihoods of documents under a base or a base with an extension (docs/metrics.md §1): each document alone
 * after what stands in front of it, disjoint rolling windows, float64 sums of float32 log-softmax, every token once; of a
 * conversation, the answers. Memory is that of one pass, without whole logits: it grows with the longest window, not with
 * the text. An empty text has no scored token. `batchTokens` and the order of the documents change no score beyond float32
 * rounding; the same call gives the same bits.
 * Throws InvalidConfigError; `score` throws NonFiniteError.
 */
export function createScorer(options: ScorerOptions): ModelScorer {
  const { name, base, batchTokens, onProgress } = options;
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
      const encoded = encodeDocuments(documents, options, convention, base.vocabSize);
      const logProbs = encoded.map(({ scoredCount }) => new Float64Array(scoredCount));
      const total = logProbs.reduce((sum, { length }) => sum + length, 0);
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
      return encoded.map((one, i) => {
        const { document, bytes } = one;
        const { id, language, text, messages } = document;
        const words = wordsOf(text, messages);
        return { id, language, bytes, words, logProbs: remembered(options.memory, one, logProbs[i]!) };
      });
    },
  };
}
