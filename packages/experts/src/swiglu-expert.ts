import { type Activation, type Expert, InvalidConfigError, type ParamTree, type Tensor } from '@moect/core';
import { checkedOptions, type Fields, oneOf } from '@moect/core/options';
import { activate, mul, remake, swiglu, tidy } from '@moect/tensor';
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

/** `activation` of the gate: `silu`, the default, is SwiGLU; `gelu-tanh` the GeGLU of Gemma. */
export type SwigluExpertOptions = FfnExpertOptions & { readonly activation: Activation };

const fields: Fields<SwigluExpertOptions> = {
  ...ffnExpertFields,
  activation: { default: 'silu', check: oneOf('silu', 'gelu', 'gelu-tanh', 'relu') },
};

const kindWith = (activation: Activation): FfnExpertKind => ({
  name: 'swigluExpert',
  inner: ['gate_proj', 'up_proj'],
  hasFreshBias: false,
  linearsOf: (base) => {
    if (base.kind === 'gated' && base.activation === activation) {
      return { gate_proj: base.gate, up_proj: base.up, down_proj: base.down };
    }
    const message = `copies gated FFNs with ${activation}; this base's is ${base.kind} with ${base.activation}`;
    throw new InvalidConfigError(
      'swigluExpert',
      [{ path: 'type', message }],
      "The expert 'auto' follows the base where it can; init 'zero-down' copies nothing.",
    );
  },
});

/**
 * SwiGLU experts: down(silu(gate(x)) · up(x)) (arXiv 2002.05202), as in Llama and Qwen. Parameters: `gate_proj.weight` and
 * `up_proj.weight` [numExperts, size, hiddenSize], `down_proj.weight` [numExperts, hiddenSize, size]; each has a `bias`
 * [numExperts, out] if the copied base has one. Throws InvalidConfigError.
 */
export function swigluExpert(options: Partial<SwigluExpertOptions> = {}): Expert {
  const { activation, ...checked } = checkedOptions('swigluExpert', options, fields);
  const kind = kindWith(activation);
  return {
    contract: 'expert/1',
    name: 'swiglu',
    ...startOf(checked),
    init: (rng, dims, baseFfn) => tidy(() => initFfnExperts(kind, checked, rng, dims, baseFfn)),
    apply: (params, rows, offsets) =>
      tidy(() => expertDown(params, activations(activation, params, rows, offsets), offsets)),
    applyCombined: (params, rows, order, weights) =>
      tidy(() =>
        expertDownCombined(params, activations(activation, params, rows, order.offsets), order, weights),
      ),
  };
}

/** activation(gate(x)) · up(x), [rows, size]; cheap to recompute. */
function activations(activation: Activation, params: ParamTree, rows: Tensor, offsets: Tensor): Tensor {
  const gate = expertLinear(params, 'gate_proj', rows, offsets);
  const up = expertLinear(params, 'up_proj', rows, offsets);
  return remake({ gate, up }, (given) =>
    activation === 'silu' ? swiglu(given.gate, given.up) : mul(activate(given.gate, activation), given.up),
  );
}
