import {
  type Attachments,
  type BaseModel,
  type Combination,
  type CombinationMember,
  type DecodingCache,
  InvalidConfigError,
  type ParamMap,
} from '@moect/core';
import { dispose, tensor } from '@moect/tensor';
import { isGateThreshold, logSoftmaxRow } from './sampling.ts';

/** The base, or the base with a pack. */
export interface GenerationMember extends CombinationMember {
  readonly model: BaseModel;
  readonly attachments?: Attachments;
  readonly overrides?: ParamMap;
  /** τ of this member's gates, 0 … 1; null: off. Default: each gate's own τ. */
  readonly gateThreshold?: number | null;
}

/** Base and packs read one text together, each with its own cache, and a combination mixes them. */
export interface CombinedDecoder {
  /** Log weights of the members after the tokens seen so far, nats. */
  readonly logWeights: Float64Array;
  /**
   * Reads tokens and gives the mixture's log P of each possible next token: log Σ wᵢ Pᵢ, [vocabSize], nats.
   * Throws NonFiniteError.
   */
  advance(tokens: readonly number[]): Promise<Float64Array>;
  dispose(): void;
}

interface Reader {
  readonly member: GenerationMember;
  /** null for a member whose weight is zero from the start: it is never computed. */
  readonly cache: DecodingCache | null;
  /** log P of the next token, from the last call. */
  next: Float64Array | null;
}

/** log P of the token after each given one: [tokens][vocabSize]. */
async function read({ member, cache }: Reader, tokens: readonly number[]): Promise<Float64Array[]> {
  const { model, attachments, overrides, gateThreshold } = member;
  const input = tensor(Int32Array.from(tokens), [1, tokens.length], 'int32');
  const result = model.forward(input, {
    cache: cache!,
    ...(attachments === undefined ? {} : { attachments }),
    ...(overrides === undefined ? {} : { overrides }),
    ...(gateThreshold === undefined ? {} : { gateThreshold }),
  });
  const logits = (await result.logits.data()) as Float32Array;
  dispose([input, result]);
  const size = model.vocabSize;
  return tokens.map((_, i) => logSoftmaxRow(logits.subarray(i * size, (i + 1) * size)));
}

/** log Σ exp(logWeightᵢ + logProbᵢ), element by element. */
function mix(logWeights: Float64Array, logProbs: readonly (Float64Array | null)[]): Float64Array {
  const parts = logProbs.flatMap((row, i) => (row === null ? [] : [{ row, weight: logWeights[i]! }]));
  return parts[0]!.row.map((_, token) => {
    let max = Number.NEGATIVE_INFINITY;
    for (const { row, weight } of parts) max = Math.max(max, weight + row[token]!);
    if (max === Number.NEGATIVE_INFINITY) return max;
    let sum = 0;
    for (const { row, weight } of parts) sum += Math.exp(weight + row[token]! - max);
    return max + Math.log(sum);
  });
}

/**
 * Starts a text that base and packs read together (docs/method.md §4).
 * Members whose weight starts at −∞ are not computed and stay out.
 * @param members member 0 is the base
 * Throws InvalidConfigError for no members, unequal vocabularies and thresholds out of range; see also `combination.start`.
 */
export function createCombinedDecoder(
  members: readonly GenerationMember[],
  combination: Combination,
  language?: string,
): CombinedDecoder {
  const sizes = new Set(members.map(({ model }) => model.vocabSize));
  if (sizes.size !== 1) {
    const message = members.length === 0 ? 'there is none' : `have vocabularies ${[...sizes].join(', ')}`;
    throw new InvalidConfigError('combined generation', [{ path: 'members', message }]);
  }
  const problems = members.flatMap(({ gateThreshold = null }, i) => {
    const message = `is ${gateThreshold}, expected null or a number from 0 to 1`;
    return isGateThreshold(gateThreshold) ? [] : [{ path: `members[${i}].gateThreshold`, message }];
  });
  if (problems.length > 0) throw new InvalidConfigError('combined generation', problems);
  let logWeights = combination.start(members, language);
  const readers = members.map((member, i): Reader => {
    return {
      member,
      cache: logWeights[i] === Number.NEGATIVE_INFINITY ? null : member.model.createCache(1),
      next: null,
    };
  });
  const learn = (token: number, predictions: readonly (Float64Array | null)[]): void => {
    const logProbs = predictions.map((row) => row?.[token] ?? Number.NEGATIVE_INFINITY);
    logWeights = combination.update(logWeights, logProbs);
  };
  return {
    get logWeights() {
      return logWeights;
    },
    async advance(tokens) {
      const rows: (Float64Array[] | null)[] = [];
      for (const reader of readers) rows.push(reader.cache === null ? null : await read(reader, tokens));
      for (const [i, token] of tokens.entries()) {
        const before = readers.map((reader, m) => (i === 0 ? reader.next : (rows[m]?.[i - 1] ?? null)));
        // nothing predicts the first token of a text
        if (before.some((row) => row !== null)) learn(token, before);
      }
      for (const [m, reader] of readers.entries()) reader.next = rows[m]?.at(-1) ?? null;
      return mix(
        logWeights,
        readers.map((reader) => reader.next),
      );
    },
    dispose: () => {
      for (const { cache } of readers) cache?.dispose();
    },
  };
}
