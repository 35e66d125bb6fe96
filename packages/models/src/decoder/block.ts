import { type FfnInput, InvalidConfigError, NoSuchComponentError, type Tensor } from '@moect/core';
import {
  add,
  causalAttention,
  concat,
  layerNorm,
  remake,
  reshape,
  rmsNorm,
  rope,
  split,
  tidy,
} from '@moect/tensor';
import type { LayerKeys } from './decoding-cache.ts';
import { feedForward } from './feed-forward.ts';
import { withLinearBias, withoutLinearBias } from './linear-bias.ts';
import type { AttendOptions, LayerPass, LayerSpec, NormSpec } from './model-family.ts';
import type { SitePass } from './site-pass.ts';

/** Inputs of a layer besides the stream. */
export interface BlockInputs {
  /** [positions, rotaryDim / 2]; absent where positions are not rotated */
  readonly cos: Tensor | undefined;
  readonly sin: Tensor | undefined;
  /** [batch, time] int32 */
  readonly positions: Tensor;
  /** [batch, time] int32 */
  readonly documentIds: Tensor;
  /** [batch, keys] int32 */
  readonly keyDocumentIds: Tensor;
  /** Adds the layer's new keys and values to the cached ones. */
  extendKeys(added: LayerKeys): LayerKeys;
}

/** @param spec a norm with its full name */
export function norm(spec: NormSpec, x: Tensor, pass: Pick<SitePass, 'weight'>): Tensor {
  const { kind, name, eps, isZeroCentred } = spec;
  const own = pass.weight(`${name}.weight`);
  const weight = isZeroCentred === true ? add(own, 1) : own;
  return kind === 'rms-norm'
    ? rmsNorm(x, weight, eps)
    : layerNorm(x, weight, pass.weight(`${name}.bias`), eps);
}

function rotate(heads: Tensor, { cos, sin, positions }: BlockInputs): Tensor {
  if (cos === undefined || sin === undefined) {
    const problem = { path: 'rotary', message: 'is missing, but attention rotates' };
    throw new InvalidConfigError('model family', [problem], 'Say what is rotated, or leave rotate away.');
  }
  const [headDim, turned] = [heads.shape[3]!, 2 * cos.shape[1]!];
  if (turned === headDim) return rope(heads, cos, sin, positions);
  const [first, rest] = split(heads, [turned, headDim - turned]) as [Tensor, Tensor];
  return concat([rope(first, cos, sin, positions), rest], 3);
}

function attentionNorm({ attention }: LayerSpec, name: string): NormSpec {
  const norms = attention.filter((module) => module.kind !== 'linear');
  const found = norms.find((module) => module.name === name);
  if (found !== undefined) return found;
  throw new NoSuchComponentError(
    'norm of attention',
    name,
    norms.map((module) => module.name),
  );
}

/** See `LayerPass.attend`. */
function attend(
  heads: Readonly<Record<'queries' | 'keys' | 'values', Tensor>>,
  { window = 0, scale, softcap, slopes }: AttendOptions,
  inputs: BlockInputs,
): Tensor {
  const [batch, time, count, headDim] = heads.queries.shape as [number, number, number, number];
  const factor = scale ?? 1 / Math.sqrt(headDim);
  const read = slopes === undefined ? heads : withLinearBias(heads, slopes, factor, inputs.positions);
  const { keys, values } = inputs.extendKeys(read);
  const mixed = causalAttention(read.queries, keys, values, {
    scale: factor,
    window,
    ...(softcap !== undefined && { softcap }),
    queryDocumentIds: inputs.documentIds,
    keyDocumentIds: inputs.keyDocumentIds,
  });
  return reshape(slopes === undefined ? mixed : withoutLinearBias(mixed), [batch, time, count * headDim]);
}

/** Operations that the attention of a family may use. */
export function layerPass(layer: LayerSpec, pass: SitePass, inputs: BlockInputs): LayerPass {
  const full = (name: string): string => `${layer.name}.${name}`;
  return {
    norm: (name, x) => norm(attentionNorm(layer, full(name)), x, pass),
    linear: (name, x) => pass.linear(full(name), x),
    heads: (x, count) => {
      const [batch, time, width] = x.shape as [number, number, number];
      return reshape(x, [batch, time, count, width / count]);
    },
    rotate: (heads) => rotate(heads, inputs),
    attend: (queries, keys, values, options = {}) => attend({ queries, keys, values }, options, inputs),
  };
}

/**
 * Input of a block's FFN site.
 * @param residual a
 * @param entered x, what entered the block
 * @param base f, if already known
 */
export function ffnInput(
  { ffn, ffnNorm, ffnReads, ffnOutputNorm }: LayerSpec,
  pass: SitePass,
  residual: Tensor,
  entered: Tensor,
  base: Tensor | null = null,
): FfnInput {
  const read = { source: ffnReads === 'attention' ? residual : entered };
  const normalize = ({ source }: typeof read): Tensor =>
    ffnNorm === undefined ? source : norm(ffnNorm, source, pass);
  // a frozen FFN keeps no input, so the branch beside it should not keep one either
  const isRemade = ffnNorm !== undefined && pass.hasBranch(ffn.name);
  const normed = isRemade ? remake(read, normalize) : normalize(read);
  const compute = (): Tensor => {
    const output = feedForward(ffn, normed, pass);
    return ffnOutputNorm === undefined ? output : norm(ffnOutputNorm, output, pass);
  };
  let found = base;
  return {
    residual,
    normed,
    // a branch that replaces the FFN never reads f; a scope of the branch may have disposed an earlier f
    get base() {
      if (found === null || found.isDisposed) found = tidy(compute);
      return found;
    },
  };
}

/** Second half of a block: y = a + FFN(z), with attachments. */
export function ffnHalf({ name, ffn }: LayerSpec, input: FfnInput, pass: SitePass): Tensor {
  return pass.block(name, pass.ffn(ffn.name, input));
}
