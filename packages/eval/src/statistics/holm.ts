import { InvalidConfigError } from '@moect/core';

/**
 * Holm's step-down adjustment of p-values, for claims over several languages at once: reject where the adjusted value
 * is at most the level. Same order as given. Throws InvalidConfigError for a value outside 0 … 1.
 */
export function holm(pValues: readonly number[]): number[] {
  const wrong = pValues.find((p) => !(p >= 0 && p <= 1));
  if (wrong !== undefined) {
    throw new InvalidConfigError('holm', [{ path: 'pValues', message: `must lie in 0 … 1, has ${wrong}` }]);
  }
  const order = pValues.map((_, i) => i).sort((a, b) => pValues[a]! - pValues[b]!);
  const adjusted = new Array<number>(pValues.length);
  let highest = 0;
  order.forEach((index, rank) => {
    highest = Math.max(highest, Math.min(1, (pValues.length - rank) * pValues[index]!));
    adjusted[index] = highest;
  });
  return adjusted;
}
