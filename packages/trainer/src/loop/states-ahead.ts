import type { Batch, BatchSource, HiddenStateSource, StartPoint, Tensor } from '@moect/core';

/** Hidden states of micro-batches, each read while the device still computes on the one before it. */
export class StatesAhead {
  readonly #source: HiddenStateSource;
  readonly #data: BatchSource;
  #ready: { readonly counter: number; readonly states: Tensor } | null = null;

  constructor(source: HiddenStateSource, data: BatchSource) {
    this.#source = source;
    this.#data = data;
  }

  /** Place where passes begin. */
  get start(): StartPoint {
    const { layer, at } = this.#source;
    return { layer, at };
  }

  /** Reads those of a micro-batch that will be taken next. */
  async read(counter: number): Promise<void> {
    this.dispose();
    try {
      this.#ready = { counter, states: await this.#source.hiddenStates(this.#data.batch(counter)) };
    } catch {
      // whoever takes them meets the failure again, in the step that it belongs to
    }
  }

  /** The caller disposes them. */
  async take(counter: number, batch: Batch): Promise<Tensor> {
    const ready = this.#ready;
    if (ready === null || ready.counter !== counter) return this.#source.hiddenStates(batch);
    this.#ready = null;
    return ready.states;
  }

  /** Frees what was read and not taken. */
  dispose(): void {
    this.#ready?.states.dispose();
    this.#ready = null;
  }
}
