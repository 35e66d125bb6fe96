import { ShapeMismatchError } from '@moect/core';
import type { TensorInfo } from '@tensorflow/tfjs-core';
import { checkedAttr } from './attributes.ts';
import { Dimensions } from './dimensions.ts';
import type { Attrs, DimName, Inputs, KernelSpec, Pattern } from './spec.ts';

/** What TensorFlow.js hands to a kernel, on any backend. */
export interface KernelCall {
  readonly inputs: Readonly<Record<string, TensorInfo | undefined | null>>;
  readonly attrs?: Readonly<Record<string, unknown>> | undefined;
}

/** A call that fits what the kernel takes. */
export interface ReadCall<S extends KernelSpec> {
  readonly inputs: Inputs<S, TensorInfo>;
  readonly attrs: Attrs<S>;
  /** Sizes by the names that they have in the table. */
  readonly dims: Readonly<Record<DimName<S> & string, number>>;
  /** Product of the dimensions that `…` stands for: 1 where there are none. */
  readonly rows: number;
}

interface InputReader {
  readonly name: string;
  readonly pattern: Pattern;
}

/**
 * Reads calls of a kernel: each input must be there with the dtype and shape that the table says, each attribute too.
 * @returns a function that throws ShapeMismatchError, RangeError and TypeError
 */
export function readerOf<S extends KernelSpec>(spec: S): (call: KernelCall) => ReadCall<S> {
  const isList = ([name]: readonly [string, Pattern]): boolean => name.endsWith('*');
  const entries = Object.entries(spec.inputs);
  const single = entries
    .filter((entry) => !isList(entry))
    .map(([name, pattern]): InputReader => ({ name, pattern }));
  const lists = entries
    .filter(isList)
    .map(([name, pattern]): InputReader => ({ name: name.slice(0, -1), pattern }));
  const attrKinds = Object.entries(spec.attrs ?? {});
  return (call) => {
    const dimensions = new Dimensions(spec);
    const count = lists.length === 0 ? 0 : lengthOf(call, lists[0]!.name);
    const given = call.attrs ?? {};
    for (const [name, kind] of attrKinds) {
      const value = checkedAttr(spec.name, name, kind, given[name], count);
      if (kind === 'size' || kind === 'boolean') dimensions.attr(name, value as number | boolean);
    }
    if (lists.length > 0) refuseOthers(spec.name, call, single.length + count * lists.length);
    const inputs: Record<string, TensorInfo | TensorInfo[]> = {};
    for (const { name, pattern } of single) inputs[name] = take(dimensions, call, name, pattern);
    for (const { name } of lists) inputs[name] = [];
    for (let i = 0; i < count; i++) {
      dimensions.nextItem();
      for (const { name, pattern } of lists) {
        (inputs[name] as TensorInfo[]).push(take(dimensions, call, `${name}${i}`, pattern));
      }
    }
    const dims = dimensions.finish();
    spec.check?.({ kernel: spec.name, inputs, attrs: given, dims });
    return { inputs, attrs: given, dims, rows: dimensions.rows } as unknown as ReadCall<S>;
  };
}

/** Items of a list: its tensors are numbered. */
function lengthOf({ inputs }: KernelCall, name: string): number {
  let count = 0;
  while (inputs[`${name}${count}`] != null) count++;
  return count;
}

/** A tensor that is in no list, or numbered beyond the first list, would be left out in silence. */
function refuseOthers(kernel: string, { inputs }: KernelCall, expected: number): void {
  const names = Object.keys(inputs);
  if (names.length === expected) return;
  throw new TypeError(`${kernel}: ${expected} inputs make whole lists, but it got ${names.join(', ')}.`);
}

function take(dimensions: Dimensions, { inputs }: KernelCall, name: string, pattern: Pattern): TensorInfo {
  const info = inputs[name];
  const { kernel } = dimensions;
  if (info == null) {
    throw new ShapeMismatchError(`${kernel}: ${name} (missing)`, [], dimensions.describe(pattern));
  }
  if (!dimensions.fit(info.shape, pattern)) {
    throw new ShapeMismatchError(`${kernel}: ${name}`, info.shape, dimensions.describe(pattern));
  }
  if (info.dtype !== pattern[0]) {
    const what = `${kernel}: ${name} (dtype ${info.dtype})`;
    const hint = `Cast it to ${pattern[0]} first.`;
    throw new ShapeMismatchError(what, info.shape, dimensions.describe(pattern), hint);
  }
  return info;
}
