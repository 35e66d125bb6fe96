import { type Expert, InvalidConfigError, type ParamTree, type Tensor } from '@moect/core';
import { checkedOptions } from '@moect/core/options';
import { remake, swiglu, tidy } from '@moect/tensor';
import {
  expertDown,
  expertDownCombined,
  expertLinear,
  type FfnExpertKind,
  type FfnExpertOptions,
  ffnExpertFields,
  initFfnExperts,
  startOf,
} from './ffn-experts.ts';

export type SwigluExpertOptions = FfnExpertOptions;

const kind: FfnExpertKind = {
  name: 'swigluExpert',
  inner: ['gate_proj', 'up_proj'],
  hasFreshBias: false,
  linearsOf: (base) => {
    if (base.kind === 'gated' && base.activation === 'silu') {
      return { gate_proj: base.gate, up_proj: base.up, down_proj: base.down };
    }
    const message = `copies gated FFNs with silu; this base's is ${base.kind} with ${base.activation}`;
    throw new InvalidConfigError(
      'swigluExpert',
      [{ path: 'type', message }],
      "The expert 'auto' follows the base where it can; init 'zero-down' copies nothing.",
    );
  },
};

/**
 * SwiGLU experts: down(silu(gate(x)) · up(x)) (arXiv 2002.05202), as in Llama and Qwen. Parameters: `gate_proj.weight` and
 * `up_proj.weight` [numExperts, size, hiddenSize], `down_proj.weight` [numExperts, hiddenSize, size]; each has a `bias`
 * [numExperts, out] if the copied base has one. Throws InvalidConfigError.
 */
export function swigluExpert(options: Partial<SwigluExpertOptions> = {}): Expert {
  const checked = checkedOptions('swigluExpert', options, ffnExpertFields);
  return {
    contract: 'expert/1',
    name: 'swiglu',
    ...startOf(checked),
    init: (rng, dims, baseFfn) => tidy(() => initFfnExperts(kind, checked, rng, dims, baseFfn)),
    apply: (params, rows, offsets) =>
      tidy(() => expertDown(params, activations(params, rows, offsets), offsets)),
    applyCombined: (params, rows, order, weights) =>
      tidy(() => expertDownCombined(params, activations(params, rows, order.offsets), order, weights)),
  };
}

/** silu(gate(x)) · up(x), [rows, size]; cheap to recompute. */
function activations(params: ParamTree, rows: Tensor, offsets: Tensor): Tensor {
  const gate = expertLinear(params, 'gate_proj', rows, offsets);
  const up = expertLinear(params, 'up_proj', rows, offsets);
  return remake({ gate, up }, (given) => swiglu(given.gate, given.up));
}
