import type { TapeNode } from './tape-node.ts';
import { tf } from './tf.ts';

/** How a result comes back. */
interface Recipe {
  readonly make: () => readonly tf.Tensor[];
  readonly place: number;
}

/** Finds what operations saved among results that can be made again, lets it go, and brings it back for the gradient. */
export class RemadeValues {
  /** By the storage of a result, which its reshapes share. */
  readonly #byData = new WeakMap<object, Recipe>();
  /** By the place of the saved tensor. */
  readonly #absent = new WeakMap<TapeNode, ReadonlyMap<number, Recipe>>();

  /** @param make gives what belongs in the places of `results`; whoever makes it disposes it */
  add(results: readonly tf.Tensor[], make: () => readonly tf.Tensor[]): void {
    for (const [place, { dataId }] of results.entries()) this.#byData.set(dataId, { make, place });
  }

  /** Disposes what the node saved of results that can be made again. */
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

  /** Brings back what was let go, before the node's gradient runs or its results are made again. */
  fetch(node: TapeNode): void {
    for (const [index, { make, place }] of this.#absent.get(node) ?? []) {
      const { shape } = node.saved![index]!;
      node.saved![index] = tf.keep(tf.reshape(make()[place]!, shape));
    }
    this.#absent.delete(node);
  }
}
