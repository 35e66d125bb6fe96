import { ShapeMismatchError } from '@moect/core';
import type { TensorInfo } from '@tensorflow/tfjs-core';
import { checkedAttr } from './attributes.ts';
import { type CompiledPattern, SpecCompiler } from './compile-spec.ts';
import { Dimensions } from './dimensions.ts';
import type { Attrs, DimName, Inputs, KernelSpec } from './spec.ts';

/** Arguments that TensorFlow.js passes to a kernel, on any backend. */
export interface KernelCall {
  readonly inputs: Readonly<Record<string, TensorInfo | undefined | null>>;
  readonly attrs?: Readonly<Record<string, unknown>> | undefined;
  readonly backend?: object;
}

/** A call that fits the kernel's entry in the table. */
export interface ReadCall<S extends KernelSpec> {
  readonly inputs: Inputs<S, TensorInfo>;
  readonly attrs: Attrs<S>;
  /** Sizes by their names in the table. */
  readonly dims: Readonly<Record<DimName<S> & string, number>>;
  /** Product of the dimensions that `…` stands for: 1 where there are none. */
  readonly rows: number;
  /** The backend whose kernel is called. */
  readonly backend: object | undefined;
}

interface InputReader {
  readonly name: string;
  readonly pattern: CompiledPattern;
}

/**
 * Reads calls of a kernel: each input must be present with its dtype and shape in the table, each attribute too.
 * @returns a function that throws ShapeMismatchError, RangeError and TypeError
 */
export function readerOf<S extends KernelSpec>(spec: S): (call: KernelCall) => ReadCall<S> {
  const compiler = new SpecCompiler();
  const single: InputReader[] = [];
  const lists: InputReader[] = [];
  for (const [name, pattern] of Object.entries(spec.inputs)) {
    const isList = name.endsWith('*');
    const plain = isList ? name.slice(0, -1) : name;
    (isList ? lists : single).push({ name: plain, pattern: compiler.pattern(pattern) });
  }
  const attrs = Object.entries(spec.attrs ?? {}).map(([name, kind]) => {
    return { name, kind, size: kind === 'size' ? compiler.sizeNumber(name) : -1 };
  });
  const compiled = compiler.finish(spec);
  return (call) => {
    const dimensions = new Dimensions(compiled);
    const count = lists.length === 0 ? 0 : lengthOf(call, lists[0]!.name);
    const given = call.attrs ?? NONE;
    dimensions.flags = given;
    for (const { name, kind, size } of attrs) {
      const value = checkedAttr(spec.name, name, kind, given[name], count);
      if (size >= 0) dimensions.sizes[size] = value as number;
    }
    const inputs: Record<string, TensorInfo | TensorInfo[]> = {};
    for (const { name, pattern } of single) inputs[name] = take(dimensions, call, name, pattern);
    if (lists.length > 0) {
      refuseOthers(spec.name, call, single.length + count * lists.length);
      takeLists(dimensions, call, lists, count, inputs);
    }
    const dims = dimensions.finish();
    spec.check?.({ kernel: spec.name, inputs, attrs: given, dims });
    const { rows } = dimensions;
    return { inputs, attrs: given, dims, rows, backend: call.backend } as unknown as ReadCall<S>;
  };
}

const NONE: Readonly<Record<string, unknown>> = {};

function takeLists(
  dimensions: Dimensions,
  call: KernelCall,
  lists: readonly InputReader[],
  count: number,
  into: Record<string, TensorInfo | TensorInfo[]>,
): void {
  for (const { name } of lists) into[name] = [];
  for (let i = 0; i < count; i++) {
    dimensions.nextItem();
    for (const { name, pattern } of lists) {
      (into[name] as TensorInfo[]).push(take(dimensions, call, `${name}${i}`, pattern));
    }
  }
}

/** Number of items in a list, whose tensors are numbered. */
function lengthOf({ inputs }: KernelCall, name: string): number {
  let count = 0;
  while (inputs[`${name}${count}`] != null) count++;
  return count;
}

/** Refuses a tensor in no list, or numbered beyond the first list: it would be ignored in silence. */
function refuseOthers(kernel: string, { inputs }: KernelCall, expected: number): void {
  const names = Object.keys(inputs);
  if (names.length === expected) return;
  throw new TypeError(`${kernel}: ${expected} inputs make whole lists, but it got ${names.join(', ')}.`);
}

function take(
  dimensions: Dimensions,
  { inputs }: KernelCall,
  name: string,
  pattern: CompiledPattern,
): TensorInfo {
  const info = inputs[name];
  if (info != null && info.dtype === pattern.dtype && dimensions.fit(info.shape, pattern)) return info;
  throw misfit(dimensions, name, info, pattern);
}

function misfit(
  dimensions: Dimensions,
  name: string,
  info: TensorInfo | null | undefined,
  pattern: CompiledPattern,
): ShapeMismatchError {
  const what = `${dimensions.spec.name}: ${name}`;
  const expected = dimensions.describe(pattern);
  if (info == null) return new ShapeMismatchError(`${what} (missing)`, [], expected);
  if (info.dtype === pattern.dtype || !dimensions.fit(info.shape, pattern)) {
    return new ShapeMismatchError(what, info.shape, expected);
  }
  const hint = `Cast it to ${pattern.dtype} first.`;
  return new ShapeMismatchError(`${what} (dtype ${info.dtype})`, info.shape, expected, hint);
}
