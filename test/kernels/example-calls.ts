import type { Tensor } from '@moect/core';
import { compressValues, type KernelSpec } from '@moect/kernels';
import { tensor } from '@moect/tensor';

/** Small sizes that fit together, by their names in the table. */
const SIZES: Readonly<Record<string, number>> = {
  ...{ batch: 2, time: 4, heads: 2, headDim: 8, keys: 5, keyHeads: 1, half: 4 },
  ...{ rows: 4, n: 3, k: 2, vocabSize: 9, tableRows: 9, inner: 6, d: 6, width: 3 },
  ...{ tokens: 4, topK: 2, slots: 8, numExperts: 3, out: 5, in: 7, 'in*': 7 },
  // no tokens are listed: each term covers the vocabulary
  ...{ 'logits*': 9, 'listed*': 0 },
};
const LEADING: readonly number[] = [2, 3];
/** Number of tensors in a list. */
const ITEMS = 2;

type Attrs = Readonly<Record<string, unknown>>;

const VALUES: Attrs = {
  ...{ step: 1, positive: 1, negative: 0, window: 0, withGradients: true, shape: [3, 4] },
  values: compressValues(
    Float32Array.from({ length: 12 }, (_, i) => Math.sin(i)),
    3,
    'bfloat16',
  ),
};

function attrsOf({ attrs = {} }: KernelSpec): Attrs {
  const valueFor = (name: string): unknown => {
    const kind = attrs[name]!;
    if (name in VALUES) return VALUES[name];
    if (typeof kind !== 'string') return kind[0];
    if (kind === 'size') return SIZES[name]!;
    if (kind === 'numbers*') return Array(ITEMS).fill(0.1);
    if (kind === 'booleans*') return Array(ITEMS).fill(true);
    return kind === 'boolean' ? true : 0.5;
  };
  return Object.fromEntries(Object.keys(attrs).map((name) => [name, valueFor(name)]));
}

/** One of the shapes that a dimension of the table may stand for. */
function sizesOf(name: number | string, { where = {} }: KernelSpec, attrs: Attrs): readonly number[] {
  if (typeof name === 'number') return [name];
  if (name.startsWith('…')) return LEADING;
  if (name.endsWith('+1')) return [SIZES[name.slice(0, -2)]! + 1];
  const derived = where[name];
  if (derived !== undefined && 'attr' in derived) {
    return [SIZES[attrs[derived.attr] === true ? derived.isTrue : derived.isFalse]!];
  }
  return [SIZES[name]!];
}

/** Row indices and permutations; other whole numbers are 0. */
const INTEGERS: Readonly<Record<string, readonly number[]>> = {
  inverse: [7, 6, 5, 4, 3, 2, 1, 0],
  offsets: [0, 3, 3, 8],
};

function inputOf(name: string, dtype: 'float32' | 'int32', shape: readonly number[]): Tensor {
  const size = shape.reduce((a, b) => a * b, 1);
  if (dtype === 'int32') return tensor(Int32Array.from(INTEGERS[name] ?? Array(size).fill(0)), shape, dtype);
  // positive, as second moments must be
  return tensor(
    Float32Array.from({ length: size }, (_, i) => 1 + Math.sin(i + name.length) / 2),
    shape,
  );
}

export interface ExampleCall {
  readonly inputs: Readonly<Record<string, Tensor | readonly Tensor[]>>;
  readonly attrs: Attrs;
  /** Shape of each result, in order; null where the table leaves the shape to the backend. */
  readonly shapes: readonly (readonly number[] | null)[];
}

/** A call that fits the table, made from the table alone. */
export function exampleCall(spec: KernelSpec): ExampleCall {
  const attrs = attrsOf(spec);
  const shapeOf = (dimensions: readonly (number | string)[]): number[] => {
    // a scale is one number
    if (dimensions[0] === '…scale') return [];
    return dimensions.flatMap((dimension) => sizesOf(dimension, spec, attrs));
  };
  const inputs = Object.entries(spec.inputs).map(([name, [dtype, ...dimensions]]) => {
    const shape = dimensions[0] === '…saved' ? savedShape(spec) : shapeOf(dimensions);
    if (!name.endsWith('*')) return [name, inputOf(name, dtype, shape)] as const;
    return [name.slice(0, -1), Array.from({ length: ITEMS }, () => inputOf(name, dtype, shape))] as const;
  });
  const isOpen = (dimension: number | string | undefined): boolean =>
    typeof dimension === 'string' && dimension.startsWith('…') && dimension !== '…';
  const shapes = spec.outputs.map(([, , ...dimensions]) =>
    isOpen(dimensions[0]) ? null : shapeOf(dimensions),
  );
  return { inputs: Object.fromEntries(inputs), attrs, shapes };
}

/** Shape of saved values in our backends: logarithms of sums, by row or by query. */
function savedShape({ inputs }: KernelSpec): number[] {
  return 'q' in inputs ? [SIZES['batch']!, SIZES['heads']!, SIZES['time']!] : [SIZES['rows']!];
}
