import type { tf } from './tf.ts';

/** An operation as the engine records it. */
export interface TapeNode {
  readonly kernelName: string;
  readonly inputs: Readonly<Record<string, tf.Tensor>>;
  readonly outputs: readonly tf.Tensor[];
  /** The gradient reads this very array. */
  readonly saved?: tf.Tensor[];
  /** Gradients by input name, absent where there is none. A null dy: nothing depends on that output. */
  gradient?(dys: readonly (tf.Tensor | null)[]): Readonly<Record<string, () => tf.Tensor>>;
  /** Called after the backward pass of this node, or when there will be none. */
  end?(): void;
}

/** Kernels whose gradients read only the shapes of saved tensors, which a disposed tensor still has. */
const READ_SHAPES = new Set(
  'Add AddN Concat Cumsum ExpandDims Mean OneHot Pack PadV2 Reshape Slice Sub Sum'.split(' '),
);

/** Kernels that save their two factors in this order; the gradient of one factor reads only the other. */
const READ_PARTNER: Readonly<Record<string, readonly string[]>> = {
  BatchMatMul: ['a', 'b'],
  Multiply: ['a', 'b'],
};

/**
 * Whether a gradient will read the tensor that TensorFlow.js saves at `index`: false for operands of which only the
 * shape is read, and for the partner of a factor that no gradient reaches. So a frozen weight saves memory: its
 * input need not be kept.
 */
export function readsSaved(
  kernelName: string,
  inputs: TapeNode['inputs'],
  index: number,
  isTracked: (input: tf.Tensor) => boolean,
): boolean {
  if (READ_SHAPES.has(kernelName)) return false;
  const factors = READ_PARTNER[kernelName];
  if (factors === undefined || index > 1) return true;
  return isTracked(inputs[factors[1 - index]!]!);
}
