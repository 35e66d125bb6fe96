/** Something that may still hold memory when its owner is gone. */
export interface Leakable {
  /** Bytes held now. */
  readonly heldBytes: number;
  release(): void;
}

/**
 * Frees the heap memory of tensors that were collected as garbage but not disposed, and counts them: a forgotten
 * tensor is a mistake, and the garbage collector, which sees small objects only, may run late.
 */
export class LeakReport {
  /** Tensors found so far. */
  tensors = 0;
  /** Their bytes. */
  bytes = 0;
  readonly #leastBytes: number;
  readonly #onCollect: () => void;
  readonly #registry = new FinalizationRegistry<Leakable>((held) => this.#collect(held));

  /**
   * @param leastBytes smaller tensors are not watched: watching costs about half a microsecond for each
   * @param onCollect called after each collected tensor
   */
  constructor(leastBytes: number, onCollect: () => void) {
    this.#leastBytes = leastBytes;
    this.#onCollect = onCollect;
  }

  /** `owner` must not be reachable from `held`. */
  watch(owner: object, held: Leakable, bytes: number): void {
    if (bytes >= this.#leastBytes) this.#registry.register(owner, held, held);
  }

  /** Stops watching a disposed tensor. */
  forget(held: Leakable): void {
    this.#registry.unregister(held);
  }

  #collect(held: Leakable): void {
    this.tensors++;
    this.bytes += held.heldBytes;
    held.release();
    this.#onCollect();
  }
}
