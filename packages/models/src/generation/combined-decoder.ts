import {
  type Attachments,
  type BaseModel,
  type Combination,
  type CombinationMember,
  type DecodingCache,
  InvalidConfigError,
  NonFiniteError,
  type ParamMap,
  type Tensor,
  type TokenMemory,
  type TokenMemoryReader,
  yieldToHost,
} from '@moect/core';
import { crossEntropy, dispose, reshape, slice, tensor, tidy } from '@moect/tensor';
import { chunksOf, predictedChunk } from './prefill.ts';
import { isGateThreshold, logSoftmaxRow } from './sampling.ts';

/** The base, or the base with a pack. */
export interface GenerationMember extends CombinationMember {
  readonly model: BaseModel;
  readonly attachments?: Attachments;
  readonly overrides?: ParamMap;
  /** τ of this member's gates, 0 … 1; null: off. Default: each gate's own τ. */
  readonly gateThreshold?: number | null;
  /** Mixed into the probabilities of this member. Default: none. */
  readonly memory?: TokenMemory;
}

/** Base and packs read one text together, each with its own cache, and a combination mixes them. */
export interface CombinedDecoder {
  /** Log weights of the members after the tokens seen so far, nats. */
  readonly logWeights: Float64Array;
  /**
   * Reads tokens and gives the mixture's log P of each possible next token: log Σ wᵢ Pᵢ, [vocabSize], nats. Many tokens
   * are read in chunks of at most 64 MiB of logits.
   * Throws NonFiniteError.
   */
  advance(tokens: readonly number[]): Promise<Float64Array>;
  dispose(): void;
}

interface Reader {
  readonly member: GenerationMember;
  /** null for a member whose weight is zero from the start: it is never computed. */
  readonly cache: DecodingCache | null;
  readonly memory: TokenMemoryReader | null;
  /** log P of the next token under model and memory, from the last call. */
  next: Float64Array | null;
  /** The same under the model alone. */
  own: Float64Array | null;
}

/** What a member says about some tokens. */
interface Reading {
  /** log P of each token after the first, given those before it: [tokens − 1]. */
  readonly within: ArrayLike<number>;
  /** log P of each possible next token: [vocabSize]. */
  readonly next: Float64Array;
}

/** Picks what is needed of logits [1, tokens, vocabSize], on the device: whole logits are never copied. */
function picked(logits: Tensor, tokens: readonly number[]): { losses: Tensor | null; last: Tensor } {
  const [time, vocabSize] = [tokens.length, logits.shape[2]!];
  return tidy(() => {
    const last = slice(logits, [0, time - 1, 0], [1, 1, vocabSize]);
    if (time === 1) return { losses: null, last };
    const targets = tensor(Int32Array.from([...tokens.slice(1), -1]), [time], 'int32');
    return { losses: crossEntropy(reshape(logits, [time, vocabSize]), targets), last };
  });
}

async function read({ member, cache }: Reader, tokens: readonly number[]): Promise<Reading> {
  const { model, attachments, overrides, gateThreshold } = member;
  const { losses, last } = tidy(() => {
    const input = tensor(Int32Array.from(tokens), [1, tokens.length], 'int32');
    const result = model.forward(input, {
      cache: cache!,
      ...(attachments === undefined ? {} : { attachments }),
      ...(overrides === undefined ? {} : { overrides }),
      ...(gateThreshold === undefined ? {} : { gateThreshold }),
    });
    return picked(result.logits, tokens);
  });
  try {
    const next = logSoftmaxRow((await last.data()) as Float32Array);
    const within = losses === null ? [] : Array.from(await losses.data(), (loss) => -loss).slice(0, -1);
    if (within.every(Number.isFinite)) return { within, next };
    throw new NonFiniteError('a logit', 'Check the weights of base and extension.');
  } finally {
    dispose([losses, last]);
  }
}

/** What model and memory say about the same tokens. */
function remembered({ memory, own }: Reader, tokens: readonly number[], reading: Reading): Reading {
  if (memory === null) return reading;
  const [first, ...others] = tokens as [number, ...number[]];
  // nothing predicts the first token of a text
  if (own === null) memory.skip(first);
  else memory.read(first, own[first]!);
  const within = others.map((token, i) => memory.read(token, reading.within[i]!));
  return { within, next: memory.mix(reading.next) };
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
      memory: member.memory?.start() ?? null,
      next: null,
      own: null,
    };
  });
  const learn = (logProbs: readonly (number | undefined)[]): void => {
    // nothing predicts the first token of a text
    if (logProbs.every((value) => value === undefined)) return;
    logWeights = combination.update(
      logWeights,
      logProbs.map((value) => value ?? Number.NEGATIVE_INFINITY),
    );
  };
  const advanceChunk = async (tokens: readonly number[]): Promise<void> => {
    const readings: (Reading | null)[] = [];
    for (const reader of readers) {
      const reading = reader.cache === null ? null : await read(reader, tokens);
      readings.push(reading === null ? null : remembered(reader, tokens, reading));
      reader.own = reading?.next ?? null;
    }
    learn(readers.map(({ next }) => next?.[tokens[0]!]));
    for (let i = 1; i < tokens.length; i++) learn(readings.map((reading) => reading?.within[i - 1]));
    for (const [m, reader] of readers.entries()) reader.next = readings[m]?.next ?? null;
  };
  return {
    get logWeights() {
      return logWeights;
    },
    async advance(tokens) {
      const chunks = chunksOf(tokens.length, predictedChunk(members[0]!.model.vocabSize));
      for (const [begin, end] of chunks) {
        await advanceChunk(tokens.slice(begin, end));
        if (chunks.length > 1) await yieldToHost();
      }
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
