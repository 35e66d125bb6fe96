import {
  type BaseFfn,
  type Expert,
  type ExpertDims,
  InvalidConfigError,
  type ParamTree,
  type Rng,
  type Tensor,
} from '@moect/core';
import { checkedOptions, type Fields, number, oneOf, orNull } from '@moect/core/options';
import {
  combineProducts,
  concat,
  groupedMatMul,
  mul,
  randomNormal,
  remake,
  slice,
  stack,
  swiglu,
  tidy,
  zeros,
} from '@moect/tensor';

export type SwigluExpertOptions = {
  /** Inner width; null takes the base FFN's. */
  readonly size: number | null;
  /**
   * `copy`: every expert is a copy of the base FFN (size must be null), so that the branch equals it at the start.
   * `zero-down`: random inner weights, down projection 0: the branch adds to the base FFN, at first nothing.
   * `slice`: expert e takes the base's neurons e·size … (e+1)·size − 1, cyclically, down projection scaled by
   * base width ÷ size. Only near the base at the start.
   */
  readonly init: 'copy' | 'zero-down' | 'slice';
};

const fields: Fields<SwigluExpertOptions> = {
  size: { default: null, check: orNull(number({ min: 1, integer: true })) },
  init: { default: 'copy', check: oneOf('copy', 'zero-down', 'slice') },
};

type Stacked = { readonly gate_proj: Tensor; readonly up_proj: Tensor; readonly down_proj: Tensor };

function copies(numExperts: number, base: BaseFfn): Stacked {
  const repeat = (x: Tensor): Tensor => stack(Array<Tensor>(numExperts).fill(x));
  return { gate_proj: repeat(base.gateProj), up_proj: repeat(base.upProj), down_proj: repeat(base.downProj) };
}

function zeroDown(rng: Rng, { hiddenSize, numExperts }: ExpertDims, size: number): Stacked {
  // normed inputs have unit variance, so 1/√d gives pre-activations of unit variance
  const std = 1 / Math.sqrt(hiddenSize);
  return {
    gate_proj: randomNormal(rng.fork('gate_proj'), [numExperts, size, hiddenSize], std),
    up_proj: randomNormal(rng.fork('up_proj'), [numExperts, size, hiddenSize], std),
    down_proj: zeros([numExperts, hiddenSize, size]),
  };
}

/** `size` neighbours along `axis` from `start` on, going round at the end. */
function cyclicSlice(x: Tensor, axis: 0 | 1, start: number, size: number): Tensor {
  const width = x.shape[axis]!;
  const take = (from: number, count: number): Tensor =>
    axis === 0 ? slice(x, [from, 0], [count, x.shape[1]!]) : slice(x, [0, from], [x.shape[0]!, count]);
  const head = Math.min(size, width - start);
  return head === size ? take(start, size) : concat([take(start, head), take(0, size - head)], axis);
}

function slices(numExperts: number, base: BaseFfn, size: number): Stacked {
  const width = base.gateProj.shape[0]!;
  const each = (x: Tensor, axis: 0 | 1): Tensor =>
    stack(Array.from({ length: numExperts }, (_, e) => cyclicSlice(x, axis, (e * size) % width, size)));
  return {
    gate_proj: each(base.gateProj, 0),
    up_proj: each(base.upProj, 0),
    down_proj: mul(each(base.downProj, 1), width / size),
  };
}

function refuse(path: string, message: string): never {
  throw new InvalidConfigError('swigluExpert', [{ path, message }]);
}

function initialize(options: SwigluExpertOptions, rng: Rng, dims: ExpertDims, base?: BaseFfn): Stacked {
  const size =
    options.size ?? base?.gateProj.shape[0] ?? refuse('size', 'must be given where there is no base FFN');
  if (options.init === 'zero-down') return zeroDown(rng, dims, size);
  if (base === undefined) return refuse('init', `'${options.init}' needs the base FFN; 'zero-down' does not`);
  const width = base.gateProj.shape[0]!;
  if (size > width)
    return refuse('size', `must be at most the base's ${width} for '${options.init}', is ${size}`);
  if (options.init === 'slice') return slices(dims.numExperts, base, size);
  if (size !== width) return refuse('size', `must be null or ${width} for 'copy', is ${size}; use 'slice'`);
  return copies(dims.numExperts, base);
}

const weightOf = (params: ParamTree, name: string): Tensor => (params[name] as ParamTree)['weight'] as Tensor;

/**
 * SwiGLU experts without bias: down(silu(gate(x)) · up(x)) (arXiv 2002.05202), as in Llama and Qwen.
 * Parameters: `gate_proj.weight` and `up_proj.weight` [numExperts, size, hiddenSize], `down_proj.weight`
 * [numExperts, hiddenSize, size]. Throws InvalidConfigError.
 */
export function swigluExpert(options: Partial<SwigluExpertOptions> = {}): Expert {
  const checked = checkedOptions('swigluExpert', options, fields);
  return {
    contract: 'expert/1',
    name: 'swiglu',
    startsAtZero: checked.init === 'zero-down',
    copiesBase: checked.init === 'copy',
    readsBaseFfn: checked.init !== 'zero-down' || checked.size === null,
    init: (rng, dims, baseFfn) => {
      const stacked = tidy(() => initialize(checked, rng, dims, baseFfn));
      return {
        gate_proj: { weight: stacked.gate_proj },
        up_proj: { weight: stacked.up_proj },
        down_proj: { weight: stacked.down_proj },
      };
    },
    apply: (params, rows, offsets) =>
      tidy(() => {
        const inner = activations(params, rows, offsets);
        const down = weightOf(params, 'down_proj');
        return remake({ inner, offsets }, (given) => groupedMatMul(given.inner, down, given.offsets));
      }),
    applyCombined: (params, rows, order, weights) =>
      tidy(() => {
        const inner = activations(params, rows, order.offsets);
        return combineProducts(inner, weightOf(params, 'down_proj'), order, weights);
      }),
  };
}

/** silu(gate(x)) · up(x), [rows, size]; cheap to make again. */
function activations(params: ParamTree, rows: Tensor, offsets: Tensor): Tensor {
  const gate = groupedMatMul(rows, weightOf(params, 'gate_proj'), offsets);
  const up = groupedMatMul(rows, weightOf(params, 'up_proj'), offsets);
  return remake({ gate, up }, (given) => swiglu(given.gate, given.up));
}
