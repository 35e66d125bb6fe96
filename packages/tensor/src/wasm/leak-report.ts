/** Something that may still hold memory when its owner is gone. */
export interface Leakable {
  /** Bytes held now. */
  readonly heldBytes: number;
}

/**
 * Counts tensors that were collected by the garbage collector without having been disposed: their heap memory is
 * lost for good. A report only; nothing is freed, because a forgotten tensor is a mistake to be found.
 */
export class LeakReport {
  /** Tensors lost so far, as far as the garbage collector has seen. */
  tensors = 0;
  /** Their bytes. */
  bytes = 0;
  readonly #registry = new FinalizationRegistry<Leakable>((held) => {
    if (held.heldBytes === 0) return;
    this.tensors++;
    this.bytes += held.heldBytes;
  });

  /** `owner` must not be reachable from `held`. */
  watch(owner: object, held: Leakable): void {
    this.#registry.register(owner, held);
  }
}
