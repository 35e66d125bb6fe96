import type { FfnLinear, GatedFfn, PlainFfn, Rng } from '@moect/core';
import { randomNormal } from '@moect/tensor';

/** Structure of a base FFN, without its weights. */
export interface FfnShape extends Pick<GatedFfn | PlainFfn, 'kind' | 'activation'> {
  readonly bias: boolean;
}

/** A random base FFN of these widths. */
export function randomFfn(
  rng: Rng,
  [hiddenSize, intermediateSize]: readonly [number, number],
  { kind, activation, bias }: FfnShape = { kind: 'gated', activation: 'silu', bias: false },
): GatedFfn | PlainFfn {
  const linear = (out: number, input: number): FfnLinear => ({
    weight: randomNormal(rng, [out, input], 0.5),
    bias: bias ? randomNormal(rng, [out], 0.5) : null,
  });
  const inner = (): FfnLinear => linear(intermediateSize, hiddenSize);
  if (kind === 'plain') return { kind, activation, up: inner(), down: linear(hiddenSize, intermediateSize) };
  return { kind, activation, gate: inner(), up: inner(), down: linear(hiddenSize, intermediateSize) };
}
