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
const READ_PARTNER: Readonly<Record<string, readonly [string, string]>> = {
  BatchMatMul: ['a', 'b'],
  Multiply: ['a', 'b'],
  MoectGroupedMatMul: ['x', 'w'],
};

/**
 * Disposes what TensorFlow.js saved for a gradient that will not read it: operands whose shape alone counts, and the
 * partner of a factor that no gradient reaches. That is where a frozen weight saves memory: its input need not be kept.
 */
export function releaseUnread(
  { kernelName, inputs, saved = [] }: TapeNode,
  isTracked: (input: tf.Tensor) => boolean,
): void {
  if (READ_SHAPES.has(kernelName)) for (const tensor of saved) tensor.dispose();
  const factors = READ_PARTNER[kernelName];
  if (factors === undefined) return;
  const [first, second] = factors.map((name) => isTracked(inputs[name]!));
  if (second === false) saved[0]!.dispose();
  if (first === false) saved[1]!.dispose();
}
