import type { LinearRole } from '@moect/core';
import type { LinearSpec, NormSpec } from '../decoder/model-family.ts';

/** A linear of `inSize` numbers to `outSize`. */
export function linearSpec(
  name: string,
  role: LinearRole,
  [inSize, outSize]: readonly [number, number],
  more: { readonly bias: boolean; readonly isStoredTransposed?: boolean },
): LinearSpec {
  return { kind: 'linear', name, role, inSize, outSize, ...more };
}

export function rmsNormSpec(name: string, size: number, eps: number): NormSpec {
  return { kind: 'rms-norm', name, size, eps };
}

export function layerNormSpec(name: string, size: number, eps: number): NormSpec {
  return { kind: 'layer-norm', name, size, eps };
}
