import type { BaseFfn, FfnLinear, FfnNorm, ParamMap, Tensor } from '@moect/core';
import { tidy } from '@moect/tensor';
import { norm } from './block.ts';
import { isMixture } from './layout.ts';
import type { LayerSpec, LinearSpec } from './model-family.ts';

/** What a layer's FFN site shows of the base, for experts that start from it. @param layer with full names */
export function baseFfn({ ffn, ffnOutputNorm }: LayerSpec, parameters: ParamMap): BaseFfn {
  const weight = (name: string): Tensor => parameters.get(name)!;
  const linearOf = ({ name, bias }: LinearSpec): FfnLinear => ({
    weight: weight(`${name}.weight`),
    bias: bias ? weight(`${name}.bias`) : null,
  });
  const behind: FfnNorm =
    ffnOutputNorm === undefined ? {} : { outputNorm: (x) => tidy(() => norm(ffnOutputNorm, x, { weight })) };
  const { activation } = ffn;
  if (isMixture(ffn)) {
    const [numExperts, width] = ffn.experts.up.shape as [number, number];
    return { kind: 'mixture', activation, numExperts, width, ...behind };
  }
  const [up, down] = [linearOf(ffn.up), linearOf(ffn.down)];
  if (ffn.gate === undefined) return { kind: 'plain', activation, up, down, ...behind };
  return { kind: 'gated', activation, gate: linearOf(ffn.gate), up, down, ...behind };
}
