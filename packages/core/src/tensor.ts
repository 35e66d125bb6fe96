/** Element types that the operations of `@moect/tensor` read and write. */
export type DType = 'float32' | 'int32' | 'bool' | 'complex64' | 'string';

export type Shape = readonly number[];

/**
 * The view of a tensor in every package above `@moect/tensor`. Structural: a `tf.Tensor` satisfies it, and TensorFlow.js
 * takes it in turn (`tf.add(loss, auxLosses.balance)`).
 * Only `data()` reads the values; there is no synchronous read.
 */
// a type and no interface: only then it passes for the `TensorLike` that TensorFlow.js's operations accept
export type Tensor = {
  readonly id: number;
  readonly shape: number[];
  readonly dtype: DType;
  readonly size: number;
  readonly rank: number;
  readonly isDisposed: boolean;
  data(): Promise<Float32Array | Int32Array | Uint8Array>;
  dispose(): void;
};

/** A tensor whose value an optimizer replaces. A `tf.Variable` satisfies it. */
export type Variable = Tensor & {
  readonly trainable: boolean;
};

/** Dotted Hugging Face name of a parameter, for example `model.layers.3.mlp.gate_proj.weight`. */
export type ParamPath = string;

/** Nested record of tensors. Joined with dots, its keys give a {@link ParamPath}. */
export interface ParamTree<T extends Tensor = Tensor> {
  readonly [key: string]: T | ParamTree<T>;
}

/** Flat form of a {@link ParamTree}, in insertion order. */
export type ParamMap<T extends Tensor = Tensor> = ReadonlyMap<ParamPath, T>;

/**
 * Seeded random numbers, drawn on the host and therefore the same on every backend.
 * `fork` gives an independent stream, so that a new consumer does not change the numbers of others.
 */
export interface Rng {
  /** Float32 samples from N(mean, std²). */
  normal(count: number, mean?: number, std?: number): Float32Array;
  /** Float32 samples from [low, high). */
  uniform(count: number, low?: number, high?: number): Float32Array;
  /** Integers from [0, bound). */
  integers(count: number, bound: number): Int32Array;
  /** One double from [0, 1). */
  next(): number;
  /** Independent stream, a function of this stream's seed and `label` only. */
  fork(label: string): Rng;
}

/** JSON value, the form of configurations and metadata on disk. */
export type Json =
  | null
  | boolean
  | number
  | string
  | readonly Json[]
  | { readonly [key: string]: Json | undefined };
