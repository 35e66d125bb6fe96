import { type Document, type HiddenStateSource, InvalidConfigError, type Scorer } from '@moect/core';
import { createMixtureScorer, createScorer } from '@moect/eval';
import { bayesianMixture, knownLanguage } from '@moect/experts';
import type { LoadedBase } from '../base/describe-base.ts';
import type { LoadedExtension } from '../extension/load-extension.ts';
import type { CombineName } from '../presets/preset.ts';

/** What a scorer needs of an extension. */
export type ScoredExtension = Pick<LoadedExtension, 'name' | 'extension'> & {
  readonly info: { readonly languages: LoadedExtension['info']['languages']; readonly combine: CombineName };
  /** τ of its gates; null: off. Default: its own. */
  readonly gateThreshold?: number | null;
};

/** Weight of the base in the mixture before the first token: it loses at most log₂(1 ÷ 0.5) = 1 bit a document. */
export const BASE_PRIOR = 0.5;

export interface CombinedScorerOptions {
  readonly base: LoadedBase;
  /** None: the base alone. */
  readonly extensions: readonly ScoredExtension[];
  /** Default: what the extension was made for; the mixture for several. */
  readonly combine?: CombineName;
  /** Weight of the base in the mixture before the first token. Default {@link BASE_PRIOR}. */
  readonly basePrior?: number;
  /** Aborting makes `score` throw. */
  readonly signal?: AbortSignal;
  /** Scores of the base that are there already, so that a mixture does not compute them again. */
  readonly baseScorer?: Scorer;
  /** What the passes of base and extensions begin with; rounded to bf16. Default: the tokens. */
  readonly hiddenStates?: HiddenStateSource;
}

/** Languages that an extension is for. */
export const newLanguages = ({ info }: Pick<ScoredExtension, 'info'>): string[] =>
  info.languages.filter(({ role }) => role === 'new').map(({ code }) => code);

/** How extensions are combined when nothing is asked for, and whether that can be. Throws InvalidConfigError. */
export function resolveCombine(
  extensions: readonly Pick<ScoredExtension, 'info'>[],
  combine?: CombineName,
): CombineName {
  const resolved = combine ?? (extensions.length === 1 ? extensions[0]!.info.combine : 'mixture');
  if (resolved === 'gate' && extensions.length > 1) {
    const message = `'gate' takes one extension, given ${extensions.length}: two cannot sit inside the same layers`;
    throw new InvalidConfigError('Combination', [{ path: 'combine', message }], "Use 'mixture' or 'known'.");
  }
  return resolved;
}

/** A scorer that remembers what it scored, by the array of documents. */
export function rememberScores(scorer: Scorer): Scorer {
  const known = new WeakMap<readonly Document[], ReturnType<Scorer['score']>>();
  return {
    name: scorer.name,
    score(documents) {
      const scores = known.get(documents) ?? scorer.score(documents);
      known.set(documents, scores);
      return scores;
    },
  };
}

/** Log-probabilities under the base alone. */
export function createBaseScorer({
  base,
  signal,
  hiddenStates,
}: Pick<CombinedScorerOptions, 'base' | 'signal' | 'hiddenStates'>): Scorer {
  const onProgress = (): void => signal?.throwIfAborted();
  const start = hiddenStates === undefined ? {} : { hiddenStates };
  return createScorer({ name: 'base', base: base.model, tokenizer: base.tokenizer, onProgress, ...start });
}

/**
 * Log-probabilities under base and extensions, combined. With `known`, a language that is no extension's own goes to the
 * base. Throws InvalidConfigError.
 */
export function createCombinedScorer(options: CombinedScorerOptions): Scorer {
  const { base, extensions, signal, basePrior = BASE_PRIOR, hiddenStates } = options;
  const baseScorer = options.baseScorer ?? createBaseScorer(options);
  if (extensions.length === 0) return baseScorer;
  const combine = resolveCombine(extensions, options.combine);
  const onProgress = (): void => signal?.throwIfAborted();
  const packs = extensions.map(({ name, extension, gateThreshold }) =>
    createScorer({
      name,
      base: base.model,
      tokenizer: base.tokenizer,
      extension,
      onProgress,
      ...(gateThreshold !== undefined && { gateThreshold }),
      ...(hiddenStates && { hiddenStates }),
    }),
  );
  if (combine === 'gate') return packs[0]!;
  const claimed = extensions.flatMap(newLanguages);
  return {
    name: `${combine}(${packs.map(({ name }) => name).join(', ')})`,
    score(documents) {
      const others = documents.map(({ language }) => language).filter((code) => !claimed.includes(code));
      const mixture = createMixtureScorer({
        members: [
          { scorer: baseScorer, languages: [...new Set(others)] },
          ...packs.map((scorer, i) => ({ scorer, languages: newLanguages(extensions[i]!) })),
        ],
        combination: combine === 'known' ? knownLanguage() : bayesianMixture({ basePrior }),
      });
      return mixture.score(documents);
    },
  };
}
