import {
  type BaseFfn,
  type Expert,
  type ExpertDims,
  type ExpertRows,
  type FfnLinear,
  InvalidConfigError,
  type ParamTree,
  type Rng,
  type Tensor,
} from '@moect/core';
import { type Fields, number, oneOf, orNull } from '@moect/core/options';
import {
  add,
  combineProducts,
  concat,
  groupedMatMul,
  mul,
  ones,
  randomNormal,
  remake,
  reshape,
  slice,
  stack,
  tidy,
  zeros,
} from '@moect/tensor';

export type FfnExpertOptions = {
  /** Inner width; null takes the base FFN's, or that of one of its experts. */
  readonly size: number | null;
  /**
   * `copy`: every expert is a copy of the base FFN (size must be null), so that the branch equals it at the start.
   * `zero-down`: random inner weights, down projection 0: the branch adds to the base FFN, starting from 0.
   * `slice-zero-down`: inner weights of expert e from the base's neurons as in `slice`, those beyond the base's width
   * random; down projection 0: it adds to the base FFN, starting from 0, and reads what the base reads.
   * `slice`: expert e takes the base's neurons e·size … (e+1)·size − 1, cyclically, down projection scaled by
   * base width ÷ size. Only near the base at the start.
   */
  readonly init: 'copy' | 'zero-down' | 'slice-zero-down' | 'slice';
};

export const ffnExpertFields: Fields<FfnExpertOptions> = {
  size: { default: null, check: orNull(number({ min: 1, integer: true })) },
  init: { default: 'copy', check: oneOf('copy', 'zero-down', 'slice-zero-down', 'slice') },
};

/** Properties of the start of experts with these options. */
export function startOf({
  init,
  size,
}: FfnExpertOptions): Pick<Expert, 'startsAtZero' | 'copiesBase' | 'readsBaseFfn'> {
  return {
    startsAtZero: init === 'zero-down' || init === 'slice-zero-down',
    copiesBase: init === 'copy',
    readsBaseFfn: init !== 'zero-down' || size === null,
  };
}

/** One linear of all experts. */
type StackedLinear = {
  /** [numExperts, out, in] */
  readonly weight: Tensor;
  /** [numExperts, out] */
  readonly bias?: Tensor;
};

/** Experts that are feed-forward networks: linears that read the input, followed by `down_proj`. */
export interface FfnExpertKind {
  /** For messages. */
  readonly name: string;
  /** Parameter names of the linears that read the input. */
  readonly inner: readonly string[];
  /** Whether experts that copy nothing have biases. */
  readonly hasFreshBias: boolean;
  /** The base's linears under the names of the experts' parameters. Throws InvalidConfigError. */
  linearsOf(base: BaseFfn): Readonly<Record<string, FfnLinear>>;
}

/** `size` consecutive entries along `axis` from `start` on, cyclically. */
function cyclicSlice(x: Tensor, axis: number, start: number, size: number): Tensor {
  const width = x.shape[axis]!;
  const take = (from: number, count: number): Tensor =>
    slice(
      x,
      x.shape.map((_, i) => (i === axis ? from : 0)),
      x.shape.map((length, i) => (i === axis ? count : length)),
    );
  const head = Math.min(size, width - start);
  return head === size ? take(start, size) : concat([take(start, head), take(0, size - head)], axis);
}

type Stacking = (x: Tensor, axis: number | null) => Tensor;

/**
 * The base's linears for all experts.
 * @param stacked makes one tensor of all experts; `axis` is that of the inner width, null where there is none
 * @param downScale factor on the down projection's weight
 */
function stackBase(
  { inner }: FfnExpertKind,
  linears: Readonly<Record<string, FfnLinear>>,
  stacked: Stacking,
  downScale: number,
): Record<string, StackedLinear> {
  const made: Record<string, StackedLinear> = {};
  for (const name of inner) {
    const { weight, bias } = linears[name]!;
    made[name] = { weight: stacked(weight, 0), ...(bias && { bias: stacked(bias, 0) }) };
  }
  const { weight, bias } = linears['down_proj']!;
  const down = stacked(weight, 1);
  made['down_proj'] = {
    weight: downScale === 1 ? down : mul(down, downScale),
    ...(bias && { bias: stacked(bias, null) }),
  };
  return made;
}

function copies(numExperts: number): Stacking {
  return (x) => stack(Array<Tensor>(numExperts).fill(x));
}

function slices(numExperts: number, width: number, size: number): Stacking {
  return (x, axis) => {
    if (axis === null) return copies(numExperts)(x, axis);
    return stack(
      Array.from({ length: numExperts }, (_, e) => cyclicSlice(x, axis, (e * size) % width, size)),
    );
  };
}

function zeroDown(
  { inner, hasFreshBias }: FfnExpertKind,
  rng: Rng,
  { hiddenSize, numExperts }: ExpertDims,
  size: number,
): Record<string, StackedLinear> {
  // normed inputs have unit variance, so 1/√d gives pre-activations of unit variance
  const std = 1 / Math.sqrt(hiddenSize);
  const bias = (width: number): { bias?: Tensor } =>
    hasFreshBias ? { bias: zeros([numExperts, width]) } : {};
  const made: Record<string, StackedLinear> = {};
  for (const name of inner) {
    const weight = randomNormal(rng.fork(name), [numExperts, size, hiddenSize], std);
    made[name] = { weight, ...bias(size) };
  }
  made['down_proj'] = { weight: zeros([numExperts, hiddenSize, size]), ...bias(hiddenSize) };
  return made;
}

/** As {@link zeroDown}, but the inner weights begin as neurons of the base; only those beyond its width are random. */
function sliceZeroDown(
  kind: FfnExpertKind,
  rng: Rng,
  dims: ExpertDims,
  size: number,
  linears: Readonly<Record<string, FfnLinear>>,
): Record<string, StackedLinear> {
  const { numExperts, hiddenSize } = dims;
  const width = linears[kind.inner[0]!]!.weight.shape[0]!;
  const copied = Math.min(size, width);
  const taken = slices(numExperts, width, copied);
  const rest = copied < size ? zeroDown(kind, rng, dims, size - copied) : null;
  const made: Record<string, StackedLinear> = {};
  for (const name of kind.inner) {
    const { weight, bias } = linears[name]!;
    const more = rest?.[name];
    const joined = (x: Tensor, behind: Tensor | undefined): Tensor =>
      behind === undefined ? taken(x, 0) : concat([taken(x, 0), behind], 1);
    made[name] = {
      weight: joined(weight, more?.weight),
      ...(bias && { bias: joined(bias, more && (more.bias ?? zeros([numExperts, size - copied]))) }),
    };
  }
  made['down_proj'] = {
    weight: zeros([numExperts, hiddenSize, size]),
    ...(kind.hasFreshBias && { bias: zeros([numExperts, hiddenSize]) }),
  };
  return made;
}

/**
 * Fresh parameters: for each linear `<name>.weight` [numExperts, out, in] and, where there are biases, `<name>.bias`
 * [numExperts, out]. Throws InvalidConfigError.
 */
export function initFfnExperts(
  kind: FfnExpertKind,
  options: FfnExpertOptions,
  rng: Rng,
  dims: ExpertDims,
  base?: BaseFfn,
): ParamTree {
  const refuse = (path: string, message: string): never => {
    throw new InvalidConfigError(kind.name, [{ path, message }]);
  };
  const width = base?.kind === 'mixture' ? base.width : base?.up.weight.shape[0];
  const size = options.size ?? width ?? refuse('size', 'must be given where there is no base FFN');
  if (options.init === 'zero-down') return { ...zeroDown(kind, rng, dims, size) };
  if (base === undefined || width === undefined) {
    return refuse('init', `'${options.init}' needs the base FFN; 'zero-down' does not`);
  }
  if (base.kind === 'mixture') {
    const message = `is '${options.init}', but this base's FFN is a mixture of ${base.numExperts} experts, no single network; use 'zero-down'`;
    return refuse('init', message);
  }
  if (options.init === 'slice-zero-down') {
    return { ...sliceZeroDown(kind, rng, dims, size, kind.linearsOf(base)) };
  }
  if (size > width)
    return refuse('size', `must be at most the base's ${width} for '${options.init}', is ${size}`);
  const isSlice = options.init === 'slice';
  if (!isSlice && size !== width)
    return refuse('size', `must be null or ${width} for 'copy', is ${size}; use 'slice'`);
  const { numExperts } = dims;
  const stacked = isSlice ? slices(numExperts, width, size) : copies(numExperts);
  return { ...stackBase(kind, kind.linearsOf(base), stacked, isSlice ? width / size : 1) };
}

const linearOf = (params: ParamTree, name: string): StackedLinear => params[name] as unknown as StackedLinear;

/** A vector for each expert as a product with ones: [rows, 1] · [numExperts, out, 1]. */
function biasProduct(rows: Tensor, bias: Tensor): { ones: Tensor; weight: Tensor } {
  return { ones: ones([rows.shape[0]!, 1]), weight: reshape(bias, [...bias.shape, 1]) };
}

/** A linear of the experts on rows that are grouped by expert, [rows, out]. */
export function expertLinear(params: ParamTree, name: string, rows: Tensor, offsets: Tensor): Tensor {
  const { weight, bias } = linearOf(params, name);
  if (bias === undefined) return groupedMatMul(rows, weight, offsets);
  const shift = biasProduct(rows, bias);
  return tidy(() =>
    add(groupedMatMul(rows, weight, offsets), groupedMatMul(shift.ones, shift.weight, offsets)),
  );
}

/** `Expert.apply` after the activations. @param inner [rows, size] */
export function expertDown(params: ParamTree, inner: Tensor, offsets: Tensor): Tensor {
  return remake({ inner, offsets }, (given) => expertLinear(params, 'down_proj', given.inner, given.offsets));
}

/** `Expert.applyCombined` after the activations. @param inner [rows, size] */
export function expertDownCombined(
  params: ParamTree,
  inner: Tensor,
  order: ExpertRows,
  weights: Tensor,
): Tensor {
  const { weight, bias } = linearOf(params, 'down_proj');
  const products = combineProducts(inner, weight, order, weights);
  if (bias === undefined) return products;
  const shift = biasProduct(inner, bias);
  return add(products, combineProducts(shift.ones, shift.weight, order, weights));
}
