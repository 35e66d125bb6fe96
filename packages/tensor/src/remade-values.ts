import type { TapeNode } from './tape-node.ts';
import { tf } from './tf.ts';

/** How to recompute a result. */
interface Recipe {
  readonly make: () => readonly tf.Tensor[];
  readonly place: number;
}

/** Disposes saved tensors that can be recomputed, and recomputes them for the gradient. */
export class RemadeValues {
  /** Recipes by the storage of a result, which its reshapes share. */
  readonly #byData = new WeakMap<object, Recipe>();
  /** Recipes of disposed tensors by node, then by the place of the saved tensor. */
  readonly #absent = new WeakMap<TapeNode, ReadonlyMap<number, Recipe>>();

  /** @param make recomputes `results` in their order; its owner disposes them */
  add(results: readonly tf.Tensor[], make: () => readonly tf.Tensor[]): void {
    for (const [place, { dataId }] of results.entries()) this.#byData.set(dataId, { make, place });
  }

  /** Disposes the node's saved tensors that can be recomputed. */
  letGo(node: TapeNode): void {
    const absent = new Map<number, Recipe>();
    for (const [index, tensor] of (node.saved ?? []).entries()) {
      const recipe = tensor.isDisposed ? undefined : this.#byData.get(tensor.dataId);
      if (recipe === undefined) continue;
      absent.set(index, recipe);
      tensor.dispose();
    }
    if (absent.size > 0) this.#absent.set(node, absent);
  }

  /** Recomputes the disposed tensors, before the node's gradient runs or its results are recomputed. */
  fetch(node: TapeNode): void {
    for (const [index, { make, place }] of this.#absent.get(node) ?? []) {
      const { shape } = node.saved![index]!;
      node.saved![index] = tf.keep(tf.reshape(make()[place]!, shape));
    }
    this.#absent.delete(node);
  }
}
