import type { Tensor } from './tensor.ts';

/**
 * Functions between the linears of a feed-forward network. `gelu` is x·Φ(x); `gelu-tanh` is its approximation by tanh
 * (`gelu_new` and `gelu_pytorch_tanh` in Hugging Face configurations).
 */
export type Activation = 'silu' | 'gelu' | 'gelu-tanh' | 'relu';

/** A linear layer as Hugging Face stores it. */
export interface FfnLinear {
  /** [out, in] */
  readonly weight: Tensor;
  /** [out], or null where the layer has none. */
  readonly bias: Tensor | null;
}

/** down(activation(gate(z)) · up(z)), as in Llama (arXiv 2002.05202). */
export interface GatedFfn {
  readonly kind: 'gated';
  readonly activation: Activation;
  /** hiddenSize → intermediateSize */
  readonly gate: FfnLinear;
  /** hiddenSize → intermediateSize */
  readonly up: FfnLinear;
  /** intermediateSize → hiddenSize */
  readonly down: FfnLinear;
}

/** down(activation(up(z))), as in GPT-2. */
export interface PlainFfn {
  readonly kind: 'plain';
  readonly activation: Activation;
  /** hiddenSize → intermediateSize */
  readonly up: FfnLinear;
  /** intermediateSize → hiddenSize */
  readonly down: FfnLinear;
}

/** Kind and weights of a base model's own feed-forward network. */
export type BaseFfn = GatedFfn | PlainFfn;
