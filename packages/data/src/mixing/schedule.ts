import type { Sampler } from '@moect/core';
import { hashNumbers } from '../hashing/mix.ts';
import { DrawCounts } from './draw-counts.ts';
import type { BatchSourceOptions, MixedLanguage } from './mix-options.ts';
import { permutedIndex } from './permutation.ts';
import { replayCount, weightedSampler } from './samplers.ts';
import { temperatureWeights, uniMaxWeights } from './weights.ts';

/** One drawn sequence: its language, and its number within the language. */
export interface Draw {
  readonly language: number;
  readonly sequence: number;
}

/** The endless line of sequences that the source gives; what stands at a place is a pure function of the place. */
export interface MixingSchedule {
  /** The draws at places `from` … `from + count − 1`. */
  draws(from: number, count: number): Draw[];
  /** Epochs of each language begun or done before a place, as a fraction. */
  epochs(before: number): number[];
}

function mixingSampler(options: BatchSourceOptions, mixed: readonly MixedLanguage[]): Sampler {
  if (options.sampler !== undefined) return options.sampler;
  const bytes = mixed.map(({ sequences }) => sequences.textBytes);
  const weights =
    options.weights !== undefined
      ? mixed.map(({ code }) => options.weights![code]!)
      : options.temperature !== undefined
        ? temperatureWeights(bytes, options.temperature)
        : options.uniMax !== undefined
          ? uniMaxWeights(bytes, options.uniMax.budgetBytes, options.uniMax.maxEpochs)
          : mixed.map(({ sequences }) => sequences.count);
  return weightedSampler(weights, { seed: hashNumbers(options.seed, 1) });
}

/** A set of languages that are drawn by one sampler with a counter of its own. */
class Pool {
  readonly #languages: readonly number[];
  readonly #counts: DrawCounts;

  constructor(languages: readonly number[], sampler: Sampler) {
    this.#languages = languages;
    this.#counts = new DrawCounts(sampler, languages.length);
  }

  /** Writes how often each of the pool's languages is drawn before a counter, by its index in the whole source. */
  addDraws(before: number, into: number[]): void {
    this.#counts.before(before).forEach((count, i) => {
      into[this.#languages[i]!] = count;
    });
  }

  at(counter: number): number {
    return this.#languages[this.#counts.at(counter)]!;
  }
}

function createPools(options: BatchSourceOptions): { mixed: Pool | null; replayed: Pool | null } {
  const all = options.languages.map((_, i) => i);
  const isReplay = (i: number): boolean =>
    options.replay !== undefined && options.languages[i]!.role === 'old';
  const mixedIndices = all.filter((i) => !isReplay(i));
  const oldIndices = all.filter(isReplay);
  const mixedLanguages = mixedIndices.map((i) => options.languages[i]!);
  const oldWeights = oldIndices.map((i) => options.replay?.weights?.[options.languages[i]!.code] ?? 1);
  return {
    mixed: mixedIndices.length === 0 ? null : new Pool(mixedIndices, mixingSampler(options, mixedLanguages)),
    replayed:
      oldIndices.length === 0
        ? null
        : new Pool(oldIndices, weightedSampler(oldWeights, { seed: hashNumbers(options.seed, 2) })),
  };
}

/** Throws InvalidConfigError for weights that cannot be. */
export function createSchedule(options: BatchSourceOptions): MixingSchedule {
  const { languages, seed } = options;
  const share = options.replay?.share ?? 0;
  const { mixed, replayed } = createPools(options);
  const drawsBefore = (place: number): number[] => {
    const counts = new Array<number>(languages.length).fill(0);
    const replays = replayCount(place, share);
    replayed?.addDraws(replays, counts);
    mixed?.addDraws(place - replays, counts);
    return counts;
  };
  const sequenceOf = (language: number, draw: number): number => {
    const { count } = languages[language]!.sequences;
    const epoch = Math.floor(draw / count);
    return permutedIndex(draw % count, count, hashNumbers(seed, 3, language, epoch));
  };
  return {
    draws(from, count) {
      const drawn = drawsBefore(from);
      return Array.from({ length: count }, (_, row) => {
        const place = from + row;
        const replays = replayCount(place, share);
        const isReplay = replayCount(place + 1, share) > replays;
        const language = isReplay ? replayed!.at(replays) : mixed!.at(place - replays);
        const draw = drawn[language]!;
        drawn[language] = draw + 1;
        return { language, sequence: sequenceOf(language, draw) };
      });
    },
    epochs: (before) => drawsBefore(before).map((n, i) => n / languages[i]!.sequences.count),
  };
}
