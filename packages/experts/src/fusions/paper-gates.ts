import type { Fusion, FusionInput, ParamTree, Tensor } from '@moect/core';
import { checkedOptions, type Fields, number, orNull } from '@moect/core/options';
import { add, cast, greater, stopGradient, sub, tidy } from '@moect/tensor';
import { aboveThreshold, gateOf, gateResult, gateWidth, initGate, thresholdCheck } from './gate.ts';

export type PaperGateOptions = {
  /** Inner width; null takes a quarter of the stream. */
  readonly gateSize: number | null;
  /** Initial b: above 0 leans to the base. */
  readonly bias: number;
  /** τ: outside training p > τ counts as exactly 1; null: off. A pass may name another (`ForwardOptions`). */
  readonly gateThreshold: number | null;
};

const fields: Fields<PaperGateOptions> = {
  gateSize: { default: null, check: orNull(number({ min: 1, integer: true })) },
  bias: { default: 0, check: number({}) },
  gateThreshold: { default: null, check: thresholdCheck },
};

const INIT_STD = 0.02;

const initPaperGate =
  ({ gateSize, bias }: Pick<PaperGateOptions, 'gateSize' | 'bias'>): Fusion['init'] =>
  (rng, { hiddenSize }) =>
    initGate(
      rng,
      { hiddenSize, gateSize: gateWidth(gateSize, hiddenSize) },
      { inner: INIT_STD, outer: INIT_STD },
      bias,
    );

/** σ(wᵀ tanh(U(a+f) + b_u + V(a+m) + b_v) + b) */
function paperWeight(params: ParamTree, input: FusionInput): Tensor {
  return gateOf(params, add(input.residual, input.base), () => add(input.residual, input.moe)).probability;
}

/**
 * MoE-CT's gate as published (arXiv 2407.00875; docs/method.md §1): p = σ(wᵀ tanh(U(a+f) + b_u + V(a+m) + b_v) + b),
 * weights from N(0, 0.02²), biases 0. It hardly learns languages by itself (docs/method.md §1); see `guardedGate`.
 */
export function continuousGate(options: Partial<PaperGateOptions> = {}): Fusion {
  const checked = checkedOptions('continuousGate', options, fields);
  return {
    contract: 'fusion/1',
    name: 'continuous',
    gateThreshold: checked.gateThreshold,
    init: initPaperGate(checked),
    fuse: (params, input) =>
      tidy(() => {
        const weight = paperWeight(params, input);
        return gateResult(input, aboveThreshold(weight, input, checked.gateThreshold));
      }),
  };
}

/**
 * The same gate with a hard choice: the base where p > 0.5, else the branch. The gradient passes straight through, as
 * if the choice were p itself (arXiv 1308.3432).
 */
export function discreteGate(options: Partial<Omit<PaperGateOptions, 'gateThreshold'>> = {}): Fusion {
  const { gateSize, bias } = fields;
  const checked = checkedOptions('discreteGate', options, { gateSize, bias });
  return {
    contract: 'fusion/1',
    name: 'discrete',
    init: initPaperGate(checked),
    fuse: (params, input) =>
      tidy(() => {
        const soft = paperWeight(params, input);
        const fixed = stopGradient(soft);
        const hard = cast(greater(fixed, 0.5), 'float32');
        // soft − soft is exactly 0, so the value is hard and the gradient is soft's
        return gateResult(input, add(hard, sub(soft, fixed)));
      }),
  };
}
