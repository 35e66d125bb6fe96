import {
  BaseMismatchError,
  type Document,
  type HiddenStateSource,
  InvalidConfigError,
  type Scorer,
} from '@moect/core';
import { documentFrame, type PrefixToken } from '@moect/data';
import {
  createMixtureScorer,
  createScorer as createModelScorer,
  type ScorerOptions as ModelScorerOptions,
} from '@moect/eval';
import type { Base } from '../base/base.ts';
import type { Pack } from '../extension/pack.ts';
import { GATE } from '../parts/moect.ts';

/** Fields of a pack that scoring and generation need. */
export type UsedPack = Pick<Pack, 'name' | 'extension'> &
  Partial<Pick<Pack, 'memory'>> & {
    readonly info: Pick<Pack['info'], 'languages' | 'combine'> &
      Partial<Pick<Pack['info'], 'base' | 'text' | 'tokens'>>;
  };

/** Weight of the base in the mixture before the first token: it loses at most log₂(1 ÷ 0.5) = 1 bit a document. */
export const BASE_PRIOR = 0.5;

export interface ScorerOptions {
  readonly base: Base;
  /** None: the base alone. */
  readonly packs: readonly UsedPack[];
  /** `gate`, or the name of a combination. Default: what the pack was made for; the mixture for several. */
  readonly combine?: string;
  /** τ: gates above this weight of the base count as 1; null: off. Default: as trained. */
  readonly gateThreshold?: number | null;
  /** Weight of the base in the mixture before the first token. Default {@link BASE_PRIOR}. */
  readonly basePrior?: number;
  /** Aborting makes `score` throw. */
  readonly signal?: AbortSignal;
  /** Existing scores of the base, so that a mixture does not compute them again. */
  readonly baseScorer?: Scorer;
  /** Called while text is scored, with the model that scores it and the share that is done, 0 … 1. */
  readonly onProgress?: (what: string, share: number) => void;
  /** Hidden states that passes of base and extensions begin with, rounded to bf16. Default: the tokens. */
  readonly hiddenStates?: HiddenStateSource;
  /** Most tokens that a window reads. Default: the base's context. */
  readonly window?: number;
  /** Tokens of short windows that go through one pass together. Default 2,048. */
  readonly batchTokens?: number;
}

/** Languages that a pack is for. */
export const newLanguages = ({ info }: Pick<UsedPack, 'info'>): string[] =>
  info.languages.filter(({ role }) => role === 'new').map(({ code }) => code);

/** Resolves the default combination, and checks that it can be used. Throws InvalidConfigError. */
export function resolveCombine(
  { moect, identity }: Pick<Base, 'moect' | 'identity'>,
  packs: readonly Pick<UsedPack, 'info'>[],
  combine?: string,
): string {
  for (const { info } of packs) {
    if (info.base === undefined || info.base.sha256 === identity.sha256) continue;
    throw new BaseMismatchError(info.base.id, info.base.sha256, identity.sha256);
  }
  const resolved = combine ?? (packs.length === 1 ? packs[0]!.info.combine : 'mixture');
  if (resolved !== GATE) moect.combination(resolved);
  if (resolved === GATE && packs.length > 1) {
    const message = `'gate' takes one extension, given ${packs.length}: two cannot sit inside the same layers`;
    throw new InvalidConfigError('Combination', [{ path: 'combine', message }], "Use 'mixture' or 'known'.");
  }
  return resolved;
}

/**
 * The rule by which packs were trained, of what stands in front of a text; without packs, the base's own.
 * Throws InvalidConfigError for packs whose rules differ in what they put there.
 */
export function prefixTokenOf(
  { tokenizer }: Pick<Base, 'tokenizer'>,
  packs: readonly Pick<UsedPack, 'name' | 'info'>[],
): PrefixToken {
  const frames = packs.map(({ info }) => documentFrame(tokenizer, info.tokens?.prefixToken ?? 'moect-0.1'));
  const said = new Set(frames.map(({ prefixIds, promptIds }) => `${prefixIds} ${promptIds}`));
  if (said.size > 1) {
    const each = packs.map(({ name }, i) => `'${name}' after ${frames[i]!.prefixIds}`).join(', ');
    const message = `were trained on documents that stand after different tokens: ${each}`;
    throw new InvalidConfigError(
      'Combination',
      [{ path: 'packs', message }],
      'Use them one at a time, or train them with the same data.prefixToken.',
    );
  }
  const names = frames.map(({ prefixToken }) => prefixToken);
  return names.find((name) => name !== 'moect-0.1') ?? names[0] ?? 'tokenizer';
}

/** A scorer that remembers its scores, by the array of documents; what failed is tried again. */
export function rememberScores(scorer: Scorer): Scorer {
  const known = new WeakMap<readonly Document[], ReturnType<Scorer['score']>>();
  return {
    name: scorer.name,
    score(documents) {
      const scores = known.get(documents) ?? scorer.score(documents);
      known.set(documents, scores);
      scores.catch(() => known.delete(documents));
      return scores;
    },
  };
}

/** After each batch: ends where the signal says so, else tells how far it is. */
const watch =
  (what: string, { signal, onProgress }: Pick<ScorerOptions, 'signal' | 'onProgress'>) =>
  (scored: number, total: number): void => {
    signal?.throwIfAborted();
    onProgress?.(what, total === 0 ? 1 : scored / total);
  };

type Passes = Pick<ScorerOptions, 'hiddenStates' | 'window' | 'batchTokens'>;

/** How passes are made, as the scorer of one model takes it. */
function passOptions({ hiddenStates, window, batchTokens }: Passes): Partial<ModelScorerOptions> {
  return {
    ...(hiddenStates && { hiddenStates }),
    ...(window !== undefined && { maxLength: window }),
    ...(batchTokens !== undefined && { batchTokens }),
  };
}

/** Log-probabilities under the base alone. */
export function createBaseScorer(
  options: Pick<ScorerOptions, 'base' | 'signal' | 'onProgress' | keyof Passes> & {
    readonly prefixToken: PrefixToken;
  },
): Scorer {
  const { base, prefixToken } = options;
  return createModelScorer({
    name: 'base',
    base: base.model,
    tokenizer: base.tokenizer,
    prefixToken,
    onProgress: watch('base', options),
    ...passOptions(options),
  });
}

/**
 * Log-probabilities under base and packs, combined. With `known`, languages without a pack go to the base.
 * Throws InvalidConfigError and NoSuchComponentError.
 */
export function createScorer(options: ScorerOptions): Scorer {
  const { base, packs, basePrior = BASE_PRIOR, gateThreshold } = options;
  const prefixToken = prefixTokenOf(base, packs);
  const baseScorer = options.baseScorer ?? createBaseScorer({ ...options, prefixToken });
  if (packs.length === 0) return baseScorer;
  const combine = resolveCombine(base, packs, options.combine);
  const scorers = packs.map(({ name, extension, memory = null }) =>
    createModelScorer({
      name,
      base: base.model,
      tokenizer: base.tokenizer,
      prefixToken,
      extension,
      ...(memory && { memory }),
      onProgress: watch(name, options),
      ...passOptions(options),
      ...(gateThreshold !== undefined && { gateThreshold }),
    }),
  );
  if (combine === GATE) return scorers[0]!;
  const claimed = packs.flatMap(newLanguages);
  const combination = base.moect.combination(combine)({ basePrior });
  return {
    name: `${combine}(${scorers.map(({ name }) => name).join(', ')})`,
    score(documents) {
      const others = documents.map(({ language }) => language).filter((code) => !claimed.includes(code));
      const mixture = createMixtureScorer({
        members: [
          { scorer: baseScorer, languages: [...new Set(others)] },
          ...scorers.map((scorer, i) => ({ scorer, languages: newLanguages(packs[i]!) })),
        ],
        combination,
      });
      return mixture.score(documents);
    },
  };
}
