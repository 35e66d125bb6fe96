import { ShapeMismatchError } from '@moect/core';
import type { Derived, KernelSpec, Pattern } from './spec.ts';

/** Sizes of one call by name, as they come to be known. */
export class Dimensions {
  readonly kernel: string;
  readonly #where: Readonly<Record<string, Derived>> | undefined;
  readonly #sizes: Record<string, number> = {};
  readonly #leading: Record<string, readonly number[]> = {};
  readonly #flags: Record<string, boolean> = {};

  constructor({ name, where }: KernelSpec) {
    this.kernel = name;
    this.#where = where;
  }

  /** A size that is also an attribute, or an attribute that sizes depend on. */
  attr(name: string, value: number | boolean): void {
    if (typeof value === 'number') this.#sizes[name] = value;
    else this.#flags[name] = value;
  }

  /** Forgets the sizes that each item of a list has for itself. */
  nextItem(): void {
    for (const known of [this.#sizes, this.#leading]) {
      for (const name of Object.keys(known)) if (name.endsWith('*')) delete known[name];
    }
  }

  /** Whether a shape fits the pattern; takes the sizes that were not known. */
  fit(shape: readonly number[], pattern: Pattern): boolean {
    const [, first] = pattern;
    const isOpen = typeof first === 'string' && first.startsWith('…');
    const from = isOpen ? 2 : 1;
    const skipped = shape.length - (pattern.length - from);
    if (isOpen ? skipped < 0 : skipped !== 0) return false;
    if (isOpen && !this.#fitLeading(first, shape, skipped)) return false;
    for (let i = from; i < pattern.length; i++) {
      if (!this.#fitSize(pattern[i]!, shape[skipped + i - from]!)) return false;
    }
    return true;
  }

  #fitLeading(name: string, shape: readonly number[], length: number): boolean {
    const known = this.#leading[name];
    if (known === undefined) {
      this.#leading[name] = shape.slice(0, length);
      return true;
    }
    return known.length === length && known.every((size, i) => size === shape[i]);
  }

  #fitSize(dimension: number | string, size: number): boolean {
    if (typeof dimension === 'number') return dimension === size;
    const known = this.#sizeOf(dimension);
    if (known !== undefined) return known === size;
    const isOneMore = dimension.endsWith('+1');
    this.#sizes[isOneMore ? dimension.slice(0, -2) : dimension] = isOneMore ? size - 1 : size;
    return true;
  }

  #sizeOf(dimension: number | string): number | undefined {
    if (typeof dimension === 'number') return dimension;
    const known = this.#sizes[dimension];
    if (known !== undefined) return known;
    if (dimension.endsWith('+1')) {
      const less = this.#sizeOf(dimension.slice(0, -2));
      return less === undefined ? undefined : less + 1;
    }
    const derived = this.#where?.[dimension];
    if (derived === undefined) return undefined;
    const size = this.#derive(derived);
    if (size !== undefined) this.#sizes[dimension] = size;
    return size;
  }

  #derive(derived: Derived): number | undefined {
    if ('attr' in derived) return this.#sizeOf(this.#flags[derived.attr] ? derived.isTrue : derived.isFalse);
    let product = 1;
    for (const factor of derived) {
      const size = typeof factor === 'number' ? factor : this.#sizes[factor];
      if (size === undefined) return undefined;
      product *= size;
    }
    return product;
  }

  /** All sizes. @throws ShapeMismatchError where derived ones contradict the shapes */
  finish(): Readonly<Record<string, number>> {
    for (const name in this.#where) this.#settle(name, this.#where[name]!);
    return this.#sizes;
  }

  #settle(name: string, derived: Derived): void {
    const size = this.#sizes[name];
    const computed = this.#derive(derived);
    if (size === undefined) {
      if (computed !== undefined) this.#sizes[name] = computed;
      return;
    }
    if (computed === size) return;
    const factors = derived as readonly (number | string)[];
    const open = 'attr' in derived ? undefined : factors.find((factor) => this.#sizeOf(factor) === undefined);
    if (computed === undefined && open !== undefined) {
      const others = factors.filter((factor) => factor !== open).map((factor) => this.#sizeOf(factor)!);
      const solved = size / others.reduce((a, b) => a * b, 1);
      if (Number.isInteger(solved)) {
        this.#sizes[open as string] = solved;
        return;
      }
    }
    throw new ShapeMismatchError(`${this.kernel}: ${name}`, [size], this.#explain(derived));
  }

  #explain(derived: Derived): string {
    if ('attr' in derived) return `${this.#derive(derived)}`;
    const open = derived.some((factor) => this.#sizeOf(factor) === undefined);
    const known = derived.filter((factor) => this.#sizeOf(factor) !== undefined);
    const terms = (open ? known : derived).map((factor) => {
      const size = this.#sizeOf(factor);
      return typeof factor === 'number' || size === undefined ? `${factor}` : `${factor} = ${size}`;
    });
    return `${open ? 'a multiple of ' : ''}${terms.join(' times ')}`;
  }

  /** Product of what `…` stands for. */
  get rows(): number {
    let product = 1;
    for (const size of this.#leading['…'] ?? []) product *= size;
    return product;
  }

  /** A pattern for people, with the sizes that are known. */
  describe([dtype, ...dimensions]: Pattern): string {
    const sizes = dimensions.flatMap((dimension): readonly (number | string)[] => {
      if (typeof dimension === 'number') return [dimension];
      if (dimension.startsWith('…')) return this.#leading[dimension] ?? ['…'];
      return [this.#sizeOf(dimension) ?? dimension.replace('*', '')];
    });
    return `${dtype} [${sizes.join(', ')}]`;
  }
}
