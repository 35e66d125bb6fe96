import { type Activation, type Expert, InvalidConfigError, type ParamTree, type Tensor } from '@moect/core';
import { checkedOptions, type Fields, oneOf } from '@moect/core/options';
import { activate, remake, tidy, zeros } from '@moect/tensor';
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

export type MlpExpertOptions = FfnExpertOptions & { readonly activation: Activation };

const fields: Fields<MlpExpertOptions> = {
  ...ffnExpertFields,
  activation: { default: 'gelu', check: oneOf('gelu', 'gelu-tanh', 'relu', 'silu') },
};

function kindWith(activation: Activation): FfnExpertKind {
  return {
    name: 'mlpExpert',
    inner: ['up_proj'],
    hasFreshBias: true,
    linearsOf: (base) => {
      if (base.kind !== 'plain' || base.activation !== activation) {
        const message = `copies plain FFNs with ${activation}; this base's is ${base.kind} with ${base.activation}`;
        throw new InvalidConfigError(
          'mlpExpert',
          [{ path: 'activation', message }],
          "The expert 'auto' follows the base where it can; init 'zero-down' copies nothing.",
        );
      }
      const { up, down } = base;
      const biased = ({ weight, bias }: typeof up): typeof up => ({
        weight,
        bias: bias ?? zeros([weight.shape[0]!]),
      });
      return { up_proj: biased(up), down_proj: biased(down) };
    },
  };
}

/**
 * Experts without a gate: down(activation(up(x))) with biases, as in GPT-2 and GPT-NeoX. Parameters: `up_proj.weight`
 * [numExperts, size, hiddenSize], `up_proj.bias` [numExperts, size], `down_proj.weight` [numExperts, hiddenSize, size],
 * `down_proj.bias` [numExperts, hiddenSize]. Throws InvalidConfigError.
 */
export function mlpExpert(options: Partial<MlpExpertOptions> = {}): Expert {
  const { activation, ...checked } = checkedOptions('mlpExpert', options, fields);
  /** activation(up(x)), [rows, size]; cheap to recompute. */
  const activations = (params: ParamTree, rows: Tensor, offsets: Tensor): Tensor => {
    const up = expertLinear(params, 'up_proj', rows, offsets);
    return remake({ up }, (given) => activate(given.up, activation));
  };
  return {
    contract: 'expert/1',
    name: 'mlp',
    ...startOf(checked),
    init: (rng, dims, baseFfn) =>
      tidy(() => initFfnExperts(kindWith(activation), checked, rng, dims, baseFfn)),
    apply: (params, rows, offsets) =>
      tidy(() => expertDown(params, activations(params, rows, offsets), offsets)),
    applyCombined: (params, rows, order, weights) =>
      tidy(() => expertDownCombined(params, activations(params, rows, order.offsets), order, weights)),
  };
}
