import type { TapeNode } from './tape.ts';
import type { tf } from './tf.ts';

/** Their gradients read the shapes of what is saved, which a disposed tensor still has, never the values. */
const ONLY_SHAPES = new Set(['Add', 'Sub', 'Reshape', 'Slice', 'Sum', 'Mean', 'Concat']);

/** Saved are both factors; the gradient of one reads the other alone. */
const PRODUCTS = new Set(['BatchMatMul', 'Multiply']);

/**
 * Disposes what TensorFlow.js saved for a gradient that will not read it: operands whose shape alone counts, and the
 * partner of a factor that no gradient reaches. That is where a frozen weight saves memory: its input need not be kept.
 */
export function releaseUnneeded(node: TapeNode, isTracked: (input: tf.Tensor) => boolean): void {
  const saved = node.saved ?? [];
  if (ONLY_SHAPES.has(node.kernelName)) for (const tensor of saved) tensor.dispose();
  if (!PRODUCTS.has(node.kernelName) || saved.length !== 2) return;
  const { a, b } = node.inputs;
  if (!isTracked(b!)) saved[0]!.dispose();
  if (!isTracked(a!)) saved[1]!.dispose();
}
