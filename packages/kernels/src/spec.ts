import type { TensorInfo } from '@tensorflow/tfjs-core';
import type { CompressedValues } from './frozen/compressed-values.ts';

/**
 * A dtype, then the dimensions. A number is a fixed size. A name is a size, equal wherever the kernel uses that name;
 * `name+1` is one more. A first `…` stands for any leading dimensions, equal wherever the kernel uses `…`;
 * `…name` stands for a second group of them. In lists, a name that ends in `*` has a size of its own for each item.
 */
export type Pattern = readonly [dtype: 'float32' | 'int32', ...dimensions: readonly (number | string)[]];

/**
 * - `size`: a whole number of at least 0, which is also a dimension of that name
 * - `numbers*` and `booleans*`: one for each item of the lists
 * - a list of names: one of them
 */
export type AttrKind =
  | 'number'
  | 'boolean'
  | 'size'
  | 'numbers*'
  | 'booleans*'
  | 'shape'
  | 'compressed'
  | readonly string[];

/** A product of dimensions and numbers, or one of two dimensions that a boolean attribute selects. */
export type Derived =
  | readonly (number | string)[]
  | { readonly attr: string; readonly isFalse: string; readonly isTrue: string };

/** A call whose shapes and attributes fit the patterns. */
export interface CheckedCall {
  readonly kernel: string;
  readonly inputs: Readonly<Record<string, TensorInfo | readonly TensorInfo[]>>;
  readonly attrs: Readonly<Record<string, unknown>>;
  readonly dims: Readonly<Record<string, number>>;
}

/** Checks a condition that patterns cannot express. @throws ShapeMismatchError or RangeError */
export type Check = (call: CheckedCall) => void;

/**
 * Name, inputs, attributes and outputs of a kernel. An input or output whose name ends in `*` is a list of tensors;
 * such an output comes last. An output whose name ends in `?` may be absent.
 */
export interface KernelSpec {
  readonly name: string;
  /** Read in this order. */
  readonly inputs: Readonly<Record<string, Pattern>>;
  readonly attrs?: Readonly<Record<string, AttrKind>>;
  readonly outputs: readonly (readonly [name: string, ...pattern: Pattern])[];
  /** Dimensions that follow from others. */
  readonly where?: Readonly<Record<string, Derived>>;
  readonly check?: Check;
}

type Attr<Kind> = Kind extends 'number' | 'size'
  ? number
  : Kind extends 'boolean'
    ? boolean
    : Kind extends 'numbers*' | 'shape'
      ? readonly number[]
      : Kind extends 'booleans*'
        ? readonly boolean[]
        : Kind extends 'compressed'
          ? CompressedValues
          : Kind extends readonly (infer Name)[]
            ? Name
            : never;

/** Attributes by name. */
export type Attrs<S extends KernelSpec> = S extends { readonly attrs: infer A }
  ? { readonly [Name in keyof A]: Attr<A[Name]> }
  : Readonly<Record<never, never>>;

/** Inputs by name, without the `*` of lists. */
export type Inputs<S extends KernelSpec, T> = {
  readonly [Name in keyof S['inputs'] as Name extends `${infer Plain}*`
    ? Plain
    : Name]: Name extends `${string}*` ? readonly T[] : T;
};

type Output<Named, T> = Named extends readonly [`${string}*`, ...unknown[]]
  ? readonly T[]
  : Named extends readonly [`${string}?`, ...unknown[]]
    ? readonly [T?]
    : readonly [T];

/** Results in their order. */
export type Outputs<S extends KernelSpec, T> = OutputList<S['outputs'], T>;
type OutputList<List extends readonly unknown[], T> = List extends readonly [infer First, ...infer Rest]
  ? readonly [...Output<First, T>, ...OutputList<Rest, T>]
  : readonly [];

type Names<P> = P extends readonly [unknown, ...infer Dimensions] ? Dimensions[number] : never;
type SizeAttrs<S> = S extends { readonly attrs: infer A }
  ? { [Name in keyof A]: A[Name] extends 'size' ? Name : never }[keyof A]
  : never;
type Plain<Name> = Name extends number | `…${string}` | `${string}*` | `${string}+1` ? never : Name;

type Factors<D> = D extends readonly (infer Factor)[] ? Plain<Factor> : never;

/** Names of a kernel's dimensions. */
export type DimName<S extends KernelSpec> =
  | Plain<Names<S['inputs'][keyof S['inputs']]>>
  | SizeAttrs<S>
  | (S extends { readonly where: infer W } ? keyof W | Factors<W[keyof W]> : never);
