import { type Combination, NoSuchComponentError, ShapeMismatchError } from '@moect/core';

/**
 * Chooses one member for the whole document by its language: the base for its own languages, so that old text gets
 * the base's logits bit for bit, else the first pack for that language (docs/method.md §4.1).
 * `start` throws NoSuchComponentError for a language that no member has, and without a language.
 */
export function knownLanguage(): Combination {
  return {
    contract: 'combination/1',
    name: 'known',
    readsLanguage: true,
    start: (members, language) => {
      const chosen = members.findIndex(
        ({ languages }) => language !== undefined && languages.includes(language),
      );
      if (chosen < 0) {
        throw new NoSuchComponentError(
          'member for language',
          language ?? '(none given)',
          [...new Set(members.flatMap(({ languages }) => languages))],
          'Name one of these languages, or combine by the mixture, which needs none.',
        );
      }
      return Float64Array.from(members, (_, i) => (i === chosen ? 0 : Number.NEGATIVE_INFINITY));
    },
    update: (logWeights, tokenLogProbs) => {
      if (tokenLogProbs.length !== logWeights.length) {
        throw new ShapeMismatchError('tokenLogProbs', [tokenLogProbs.length], `[${logWeights.length}]`);
      }
      return logWeights.slice();
    },
  };
}
