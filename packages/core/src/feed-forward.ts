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

/** A norm behind the FFN (Gemma 2 and 3, OLMo-2): f is the norm of what the FFN gives. */
export interface FfnNorm {
  /** [.., hiddenSize] → alike, by the base's own weights. Absent where f is what the FFN gives. */
  readonly outputNorm?: (x: Tensor) => Tensor;
}

/** down(activation(gate(z)) · up(z)), as in Llama (arXiv 2002.05202). */
export interface GatedFfn extends FfnNorm {
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
export interface PlainFfn extends FfnNorm {
  readonly kind: 'plain';
  readonly activation: Activation;
  /** hiddenSize → intermediateSize */
  readonly up: FfnLinear;
  /** intermediateSize → hiddenSize */
  readonly down: FfnLinear;
}

/** A mixture of gated experts, as in Mixtral: no single network that could be copied. */
export interface MixtureFfn extends FfnNorm {
  readonly kind: 'mixture';
  readonly activation: Activation;
  readonly numExperts: number;
  /** Inner width of one expert. */
  readonly width: number;
}

/** Kind and weights of a base model's own feed-forward network. */
export type BaseFfn = GatedFfn | PlainFfn | MixtureFfn;
