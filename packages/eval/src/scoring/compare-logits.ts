import type { BaseModel, Document, Extension, ForwardResult, Tensor, Tokenizer } from '@moect/core';
import type { PrefixToken } from '@moect/data';
import { abs, cast, equal, max, min, reshape, stack, sub, tidy } from '@moect/tensor';
import { encodeDocuments, scoringConvention } from './encode-documents.ts';
import { checkModel, type EvaluatedModel, forwardBatch } from './extended-forward.ts';
import { type WindowBatch, windowBatches } from './window-batches.ts';

export interface InspectionOptions {
  readonly base: BaseModel;
  readonly extension: Extension;
  readonly tokenizer: Tokenizer;
  /** As in {@link ScorerOptions}. */
  readonly prefixToken?: PrefixToken;
  readonly documents: readonly Document[];
  /** As in {@link ScorerOptions}; `compareLogits`, which holds whole logits of two models, has shorter ones by default. */
  readonly maxLength?: number;
  readonly batchTokens?: number;
  readonly gateThreshold?: number | null;
}

export interface LogitComparisonOptions extends Omit<InspectionOptions, 'extension'> {
  /** Default: none; the base as it is now is then compared with `reference`. */
  readonly extension?: Extension;
  /** Model to compare with. Default: `base` without the extension. */
  readonly reference?: BaseModel;
}

/** Differences between the extension's logits and the base's on the tokens of one language. */
export interface LogitComparison {
  readonly tokens: number;
  /** Tokens whose whole row of logits equals the base's. */
  readonly bitEqualTokens: number;
  readonly bitEqualShare: number;
  readonly maxAbsDifference: number;
  /** Tokens with p > 0.5 in every gated layer; null without a gate. */
  readonly tokensSentToBase: number | null;
  /** Largest difference on those; null where there are none. */
  readonly maxAbsDifferenceSentToBase: number | null;
}

interface Rows {
  /** 1 where the whole row is equal, else 0. */
  readonly same: ArrayLike<number>;
  /** max |Δlogit| */
  readonly difference: ArrayLike<number>;
  /** Smallest p over the layers, or null without a gate. */
  readonly leastWeight: ArrayLike<number> | null;
}

function leastBaseWeight({ statistics }: ForwardResult, positions: number): Tensor | null {
  const weights = [...statistics.values()].flatMap(({ baseWeight }) =>
    baseWeight === undefined ? [] : [reshape(baseWeight, [positions])],
  );
  return weights.length === 0 ? null : min(stack(weights), 0);
}

async function compareBatch(model: EvaluatedModel, reference: BaseModel, batch: WindowBatch): Promise<Rows> {
  const positions = batch.rows * batch.time;
  const flat = ({ logits }: ForwardResult): Tensor => reshape(logits, [positions, model.base.vocabSize]);
  const tensors = tidy(() => {
    const alone = forwardBatch({ base: reference }, batch, flat);
    return forwardBatch(
      model,
      batch,
      (result) => {
        const extended = flat(result);
        return {
          // a NaN equals nothing, while max may pass over it
          same: min(cast(equal(extended, alone), 'float32'), -1),
          difference: max(abs(sub(extended, alone)), -1),
          leastWeight: leastBaseWeight(result, positions),
        };
      },
      { collectStatistics: true },
    );
  });
  const read = async (x: Tensor): Promise<ArrayLike<number>> => (await x.data()).slice();
  try {
    return {
      same: await read(tensors.same),
      difference: await read(tensors.difference),
      leastWeight: tensors.leastWeight === null ? null : await read(tensors.leastWeight),
    };
  } finally {
    for (const x of Object.values(tensors)) x?.dispose();
  }
}

/** Logits of one pass, at most: two models' are held at a time, and their difference. */
const LOGITS = 2 ** 24;

class Tally {
  tokens = 0;
  bitEqual = 0;
  maxAbs = 0;
  sentToBase: number | null = null;
  maxAbsSent: number | null = null;

  add(rows: Rows, position: number): void {
    // bits of a row that is not a number anywhere differ by any measure
    const same = rows.same[position] === 1;
    const difference = rows.difference[position]!;
    const size = same ? 0 : Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference;
    this.tokens++;
    if (same) this.bitEqual++;
    this.maxAbs = Math.max(this.maxAbs, size);
    if (rows.leastWeight === null) return;
    this.sentToBase ??= 0;
    if (!(rows.leastWeight[position]! > 0.5)) return;
    this.sentToBase++;
    this.maxAbsSent = Math.max(this.maxAbsSent ?? 0, size);
  }

  result(): LogitComparison {
    return {
      tokens: this.tokens,
      bitEqualTokens: this.bitEqual,
      bitEqualShare: this.tokens === 0 ? 1 : this.bitEqual / this.tokens,
      maxAbsDifference: this.maxAbs,
      tokensSentToBase: this.sentToBase,
      maxAbsDifferenceSentToBase: this.maxAbsSent,
    };
  }
}

/**
 * Runs base and extension over the same windows and compares whole rows of logits (docs/metrics.md §4): the share of
 * bit-equal tokens (+0 and −0 count as equal), and the share that every gate sends to the base. By language code.
 * Passes have at most 2²⁴ logits by default, and windows no more tokens than that. Throws InvalidConfigError.
 */
export async function compareLogits(
  options: LogitComparisonOptions,
): Promise<Record<string, LogitComparison>> {
  const { base, extension, documents, gateThreshold, reference = base } = options;
  const most = Math.max(1, Math.floor(LOGITS / base.vocabSize));
  const { batchTokens = most, maxLength = Math.min(base.maxPositions, most) } = options;
  const convention = scoringConvention({ ...options, maxLength });
  const model = {
    base,
    ...(extension && { extension }),
    ...(gateThreshold !== undefined && { gateThreshold }),
  };
  checkModel(model);
  const encoded = encodeDocuments(documents, options, convention, base.vocabSize);
  const tallies = new Map(documents.map(({ language }) => [language, new Tally()]));
  for (const batch of windowBatches(encoded, convention, batchTokens)) {
    const rows = await compareBatch(model, reference, batch);
    for (const { position, document } of batch.scored) {
      tallies.get(documents[document]!.language)!.add(rows, position);
    }
  }
  return Object.fromEntries([...tallies].map(([language, tally]) => [language, tally.result()]));
}
