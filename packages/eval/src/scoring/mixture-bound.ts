import { type DocumentScore, MoectError } from '@moect/core';

export interface MixtureBound {
  /** log₂(1/prior): most bits a document that the mixture may cost beyond the base. */
  readonly bound: number;
  /** Most bits that one did cost; negative where the mixture was always better. */
  readonly worst: number;
  /** Id of that document, or null without documents. */
  readonly document: string | null;
}

const bits = ({ logProbs }: DocumentScore): number =>
  -logProbs.reduce((sum, logProb) => sum + logProb, 0) / Math.LN2;

/**
 * Checks −log₂ P(document) ≤ −log₂ P_base(document) + log₂(1/prior) on every document (docs/method.md §4.2): it holds for
 * any pack, adversarial ones too, as long as nothing is dropped in favour of a pack.
 * @param prior of the base
 * @param tolerance bits a document for float64 rounding
 * Throws MoectError (`MixtureBoundError`) where it does not hold.
 */
export function assertMixtureBound(
  mixture: readonly DocumentScore[],
  base: readonly DocumentScore[],
  prior: number,
  tolerance = 1e-6,
): MixtureBound {
  const bound = Math.log2(1 / prior);
  let worst = Number.NEGATIVE_INFINITY;
  let document: string | null = null;
  const fail = (message: string, hint: string): never => {
    throw new MoectError('MixtureBoundError', message, hint);
  };
  mixture.forEach((mixed, i) => {
    const alone = base[i];
    if (alone?.id !== mixed.id || alone.logProbs.length !== mixed.logProbs.length) {
      fail(
        `Document '${mixed.id}' is not at the same place in the base's scores.`,
        'Pass the same documents.',
      );
    }
    const excess = bits(mixed) - bits(alone!);
    if (!(excess <= bound + tolerance)) {
      fail(
        `Document '${mixed.id}' costs ${excess} bits more than under the base, the bound is ${bound}.`,
        'The combination must not drop members in favour of a pack.',
      );
    }
    if (excess > worst) [worst, document] = [excess, mixed.id];
  });
  return { bound, worst, document };
}
