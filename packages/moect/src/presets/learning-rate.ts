/** Parameters of the base on which the presets' learning rates were measured. */
export const REFERENCE_PARAMETERS = 1_369_728;

/**
 * Learning rate for a base: the rate measured on the reference's parameters, divided by the square root of how many times
 * larger the base is, to two digits. The rule goes through both points that are known for experts that start as
 * copies: 4e-3 at 1.4 M (measured here) and 1e-4 at 1.8 B (arXiv 2407.00875). Smaller bases keep the reference's rate.
 */
export function learningRateFor(
  referenceRate: number,
  baseParameters: number,
  referenceParameters: number = REFERENCE_PARAMETERS,
): number {
  const factor = Math.sqrt(Math.min(1, referenceParameters / baseParameters));
  return Number((referenceRate * factor).toPrecision(2));
}
