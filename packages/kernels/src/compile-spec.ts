import type { Derived, KernelSpec, Pattern } from './spec.ts';

/** A pattern with numbers in place of names. */
export interface CompiledPattern {
  readonly dtype: 'float32' | 'int32';
  /** Number of its `…`; −1 without. */
  readonly leading: number;
  /** Numbers of the names of the other dimensions; −1 for a fixed size. */
  readonly indices: readonly number[];
  /** The fixed size, or the number added to the named size. */
  readonly values: readonly number[];
}

/** `attr` chooses between two sizes; without it, a product. */
export type DerivedSize =
  | {
      readonly attr: string;
      readonly isFalse: number;
      readonly isTrue: number;
      readonly factor: 1;
      readonly indices: readonly number[];
    }
  | { readonly attr?: undefined; readonly factor: number; readonly indices: readonly number[] };

export interface CompiledSpec {
  readonly name: string;
  /** Names of sizes, by number. */
  readonly names: readonly string[];
  /** As many entries, all −1: no size is known. */
  readonly unknown: readonly number[];
  readonly derived: readonly (DerivedSize | undefined)[];
  readonly derivedIndices: readonly number[];
  /** Numbers of the sizes that each item of a list has for itself. */
  readonly itemSizes: readonly number[];
  readonly itemLeading: readonly number[];
  /** Number of the plain `…`; −1 without. */
  readonly rows: number;
}

/** Assigns numbers to names in the order of their first use. */
class Numbering {
  readonly names: string[] = [];

  of(name: string): number {
    const at = this.names.indexOf(name);
    return at < 0 ? this.names.push(name) - 1 : at;
  }
}

/** Compiles a kernel's patterns once, so that reading a call need not parse them. */
export class SpecCompiler {
  readonly #sizes = new Numbering();
  readonly #leading = new Numbering();

  sizeNumber(name: string): number {
    return this.#sizes.of(name);
  }

  pattern([dtype, ...dimensions]: Pattern): CompiledPattern {
    const [first] = dimensions;
    const isOpen = typeof first === 'string' && first.startsWith('…');
    const tail = isOpen ? dimensions.slice(1) : dimensions;
    const plain = (name: string): string => name.replace(/\+1$/, '');
    return {
      dtype,
      leading: isOpen ? this.#leading.of(first) : -1,
      indices: tail.map((one) => (typeof one === 'number' ? -1 : this.#sizes.of(plain(one)))),
      values: tail.map((one) => (typeof one === 'number' ? one : Number(one.endsWith('+1')))),
    };
  }

  #derivedSize(derived: Derived): DerivedSize {
    if ('attr' in derived) {
      const [isFalse, isTrue] = [this.#sizes.of(derived.isFalse), this.#sizes.of(derived.isTrue)];
      return { attr: derived.attr, isFalse, isTrue, factor: 1, indices: [] };
    }
    const numbers = derived.filter((one) => typeof one === 'number');
    const names = derived.filter((one) => typeof one === 'string');
    return {
      factor: numbers.reduce((a, b) => a * b, 1),
      indices: names.map((name) => this.#sizes.of(name)),
    };
  }

  /** Called after all patterns, so that every name has its number. */
  finish({ name, where = {} }: KernelSpec): CompiledSpec {
    const found = Object.entries(where).map(
      ([size, derived]) => [this.#sizes.of(size), this.#derivedSize(derived)] as const,
    );
    const { names } = this.#sizes;
    const starred = (list: readonly string[]): number[] =>
      list.flatMap((one, i) => (one.endsWith('*') ? [i] : []));
    const byIndex = new Map(found);
    return {
      name,
      names,
      unknown: names.map(() => -1),
      derived: names.map((_, i) => byIndex.get(i)),
      derivedIndices: found.map(([index]) => index),
      itemSizes: starred(names),
      itemLeading: starred(this.#leading.names),
      rows: this.#leading.names.indexOf('…'),
    };
  }
}
