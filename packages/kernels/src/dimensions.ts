import { ShapeMismatchError } from '@moect/core';
import type { CompiledPattern, CompiledSpec, DerivedSize } from './compile-spec.ts';

/** A size that is not known yet. */
const UNKNOWN = -1;

/** The sizes of one call as they become known. Runs for each kernel call: text is made only for errors. */
export class Dimensions {
  readonly spec: CompiledSpec;
  /** Indexed by the numbers that `SpecCompiler` gave their names. */
  readonly sizes: number[];
  readonly leading: (readonly number[] | undefined)[] = [];
  flags: Readonly<Record<string, unknown>> = {};

  constructor(spec: CompiledSpec) {
    this.spec = spec;
    this.sizes = spec.unknown.slice();
  }

  /** Forgets the sizes that each item of a list has for itself. */
  nextItem(): void {
    for (const index of this.spec.itemSizes) this.sizes[index] = UNKNOWN;
    for (const slot of this.spec.itemLeading) this.leading[slot] = undefined;
  }

  /** Whether a shape fits the pattern; records the sizes that were not known. */
  fit(shape: readonly number[], { leading, indices, values }: CompiledPattern): boolean {
    const skipped = shape.length - indices.length;
    if (leading < 0 ? skipped !== 0 : skipped < 0 || !this.#fitLeading(leading, shape, skipped)) return false;
    for (let i = 0; i < indices.length; i++) {
      const index = indices[i]!;
      const size = shape[skipped + i]!;
      if (index < 0) {
        if (values[i] !== size) return false;
        continue;
      }
      const known = this.sizeAt(index);
      if (known === UNKNOWN) this.sizes[index] = size - values[i]!;
      else if (known + values[i]! !== size) return false;
    }
    return true;
  }

  #fitLeading(slot: number, shape: readonly number[], length: number): boolean {
    const known = this.leading[slot];
    if (known === undefined) {
      this.leading[slot] = shape.length === length ? shape : shape.slice(0, length);
      return true;
    }
    if (known.length !== length) return false;
    for (let i = 0; i < length; i++) if (known[i] !== shape[i]) return false;
    return true;
  }

  /** UNKNOWN where the size was not read and does not follow from others. */
  sizeAt(index: number): number {
    const known = this.sizes[index]!;
    if (known !== UNKNOWN) return known;
    const derived = this.spec.derived[index];
    if (derived === undefined) return UNKNOWN;
    const size = this.#derive(derived);
    this.sizes[index] = size;
    return size;
  }

  #derive(derived: DerivedSize): number {
    if (derived.attr !== undefined) {
      return this.sizes[this.flags[derived.attr] === true ? derived.isTrue : derived.isFalse]!;
    }
    let product = derived.factor;
    for (const index of derived.indices) {
      const size = this.sizes[index]!;
      if (size === UNKNOWN) return UNKNOWN;
      product *= size;
    }
    return product;
  }

  /** All sizes by name. @throws ShapeMismatchError where derived sizes contradict the shapes */
  finish(): Readonly<Record<string, number>> {
    for (const index of this.spec.derivedIndices) this.#settle(index, this.spec.derived[index]!);
    const { names } = this.spec;
    const dims: Record<string, number> = {};
    for (let i = 0; i < names.length; i++) dims[names[i]!] = this.sizes[i]!;
    return dims;
  }

  #settle(index: number, derived: DerivedSize): void {
    const size = this.sizeAt(index);
    const computed = this.#derive(derived);
    if (computed === size) return;
    if (computed === UNKNOWN && derived.attr === undefined && this.#solve(size, derived)) return;
    const name = this.spec.names[index];
    throw new ShapeMismatchError(`${this.spec.name}: ${name}`, [size], this.#explain(derived));
  }

  /** Finds the one factor that is not known. */
  #solve(size: number, { factor, indices }: DerivedSize): boolean {
    let [others, open] = [factor, UNKNOWN];
    for (const index of indices) {
      if (this.sizes[index] === UNKNOWN) open = index;
      else others *= this.sizes[index]!;
    }
    if (!Number.isInteger(size / others)) return false;
    this.sizes[open] = size / others;
    return true;
  }

  #explain({ factor, indices }: DerivedSize): string {
    const known = indices.filter((index) => this.sizes[index] !== UNKNOWN);
    const terms = known.map((index) => `${this.spec.names[index]} = ${this.sizes[index]}`);
    if (factor !== 1) terms.unshift(`${factor}`);
    return `${known.length < indices.length ? 'a multiple of ' : ''}${terms.join(' times ')}`;
  }

  /** Product of the dimensions that `…` stands for. */
  get rows(): number {
    let product = 1;
    for (const size of this.leading[this.spec.rows] ?? []) product *= size;
    return product;
  }

  /** A pattern for people, with the sizes that are known. */
  describe({ dtype, leading, indices, values }: CompiledPattern): string {
    const tail = indices.map((index, i) => {
      if (index < 0) return values[i]!;
      const size = this.sizeAt(index);
      return size === UNKNOWN ? this.spec.names[index]!.replace('*', '') : size + values[i]!;
    });
    const head = leading < 0 ? [] : (this.leading[leading] ?? ['…']);
    return `${dtype} [${[...head, ...tail].join(', ')}]`;
  }
}
