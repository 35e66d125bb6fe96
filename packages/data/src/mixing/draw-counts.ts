import { InvalidConfigError, type Sampler } from '@moect/core';

const spacing = 4096;

/**
 * Number of draws of each index before a counter. A sampler only says what comes at a counter, so counts are summed
 * up; sums are kept every 4,096 draws. They depend on the sampler alone: what was asked before changes only the time.
 */
export class DrawCounts {
  readonly #sampler: Sampler;
  readonly #size: number;
  readonly #marks: Float64Array[];

  constructor(sampler: Sampler, size: number) {
    this.#sampler = sampler;
    this.#size = size;
    this.#marks = [new Float64Array(size)];
  }

  /** The index drawn at `counter`. Throws InvalidConfigError where the sampler names none of the languages. */
  at(counter: number): number {
    const index = this.#sampler.at(counter);
    if (Number.isInteger(index) && index >= 0 && index < this.#size) return index;
    const message = `gave ${index} at counter ${counter}, must be a whole number from 0 to ${this.#size - 1}`;
    throw new InvalidConfigError('Mixing languages', [{ path: 'sampler', message }]);
  }

  /** Draws of each index at counters 0 … counter − 1; a fresh array. */
  before(counter: number): Float64Array {
    const mark = Math.floor(counter / spacing);
    while (this.#marks.length <= mark) {
      const known = this.#marks.length - 1;
      this.#marks.push(this.#sum(this.#marks[known]!, known * spacing, (known + 1) * spacing));
    }
    return this.#sum(this.#marks[mark]!, mark * spacing, counter);
  }

  #sum(start: Float64Array, from: number, to: number): Float64Array {
    const counts = Float64Array.from(start);
    for (let counter = from; counter < to; counter++) {
      const index = this.at(counter);
      counts[index] = counts[index]! + 1;
    }
    return counts;
  }
}
