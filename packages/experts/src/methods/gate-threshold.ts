import { type Extension, InvalidConfigError } from '@moect/core';
import { thresholdCheck } from '../fusions/gate.ts';

/**
 * Throws InvalidConfigError for a τ (`ForwardOptions.gateThreshold`) that is neither null nor from 0 to 1, and for any
 * τ if no gate of the extension has a threshold.
 * @param extension undefined: the base alone
 */
export function checkGateThreshold(
  extension: Pick<Extension, 'method' | 'gateThreshold'> | undefined,
  gateThreshold: number | null,
): void {
  const problem = thresholdCheck(gateThreshold) ?? gateProblem(extension);
  if (problem !== null) throw new InvalidConfigError('Gate', [{ path: 'gateThreshold', message: problem }]);
}

function gateProblem(extension: Pick<Extension, 'method' | 'gateThreshold'> | undefined): string | null {
  if (extension === undefined) return 'needs an extension with a gate; a base alone has none';
  if (extension.gateThreshold !== undefined) return null;
  const { method } = extension;
  return `needs a gate with a threshold, such as 'guarded' or 'continuous'; this extension of ${method} has none`;
}
