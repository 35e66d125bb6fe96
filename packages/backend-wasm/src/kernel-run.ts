import type { Allocator } from './allocator.ts';

interface Temporary {
  readonly bytes: number;
  readonly order: number;
}

/** Memory and outputs of the running kernels, all freed when a kernel fails (no more memory, a trap). */
export class KernelRun {
  readonly #allocator: Allocator;
  readonly #dispose: (dataId: object) => void;
  readonly #temporaries = new Map<number, Temporary>();
  readonly #outputs: object[] = [];
  #depth = 0;
  #order = 0;

  constructor(allocator: Allocator, dispose: (dataId: object) => void) {
    this.#allocator = allocator;
    this.#dispose = dispose;
  }

  get isRunning(): boolean {
    return this.#depth > 0;
  }

  /** Runs a kernel, which may run others. */
  attempt<T>(kernel: () => T): T {
    const order = this.#order;
    const outputs = this.#outputs.length;
    this.#depth++;
    try {
      return kernel();
    } catch (error) {
      this.#undo(order, outputs);
      throw error;
    } finally {
      this.#depth--;
      if (this.#depth === 0) this.#outputs.length = 0;
    }
  }

  /** Memory for the run of one kernel. */
  take(bytes: number): number {
    const pointer = this.#allocator.alloc(bytes);
    this.#temporaries.set(pointer, { bytes, order: this.#order++ });
    return pointer;
  }

  giveBack(pointer: number, bytes: number): void {
    this.#temporaries.delete(pointer);
    this.#allocator.release(pointer, bytes);
  }

  /** Notes a tensor that the running kernel has made. */
  made(dataId: object): void {
    if (this.#depth > 0) this.#outputs.push(dataId);
  }

  #undo(order: number, outputs: number): void {
    for (const [pointer, temporary] of this.#temporaries) {
      if (temporary.order >= order) this.giveBack(pointer, temporary.bytes);
    }
    for (const dataId of this.#outputs.splice(outputs)) this.#dispose(dataId);
  }
}
