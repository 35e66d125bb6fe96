import type { tf } from './tf.ts';

/** An operation as the engine records it. */
export interface TapeNode {
  readonly kernelName: string;
  readonly inputs: Readonly<Record<string, tf.Tensor>>;
  readonly outputs: readonly tf.Tensor[];
  /** The gradient reads this very array. */
  readonly saved?: tf.Tensor[];
  /** Gradients by input name; a missing one is none. null: nothing depends on that output. */
  gradient?(dys: readonly (tf.Tensor | null)[]): Readonly<Record<string, () => tf.Tensor>>;
  /** Called when the way back has passed, or will not be taken. */
  end?(): void;
}

/** Their gradients read the shapes of what is saved, which a disposed tensor still has, never the values. */
const READ_SHAPES = new Set(
  'Add AddN Concat Cumsum ExpandDims Mean OneHot Pack PadV2 Reshape Slice Sub Sum'.split(' '),
);

/** They save their two factors in this order; the gradient of one reads the other alone. */
const READ_PARTNER: Readonly<Record<string, readonly string[]>> = {
  BatchMatMul: ['a', 'b'],
  Multiply: ['a', 'b'],
};

/**
 * Whether a gradient will read the tensor that TensorFlow.js saves at `index`: not operands whose shape alone counts, and
 * not the partner of a factor that no gradient reaches. That is where a frozen weight saves memory: its input need not
 * be kept.
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
