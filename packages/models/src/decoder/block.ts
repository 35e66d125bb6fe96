import { type FfnInput, InvalidConfigError, NoSuchComponentError, type Tensor } from '@moect/core';
import {
  activate,
  causalAttention,
  concat,
  layerNorm,
  mul,
  remake,
  reshape,
  rmsNorm,
  rope,
  split,
  swiglu,
  tidy,
} from '@moect/tensor';
import type { LayerKeys } from './decoding-cache.ts';
import type { FfnSpec, LayerPass, LayerSpec, NormSpec } from './model-family.ts';
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
export function norm({ kind, name, eps }: NormSpec, x: Tensor, pass: Pick<SitePass, 'weight'>): Tensor {
  const weight = pass.weight(`${name}.weight`);
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
    attend: (queries, newKeys, newValues, window = 0) => {
      const [batch, time, heads, headDim] = queries.shape as [number, number, number, number];
      const { keys, values } = inputs.extendKeys({ keys: newKeys, values: newValues });
      const mixed = causalAttention(queries, keys, values, {
        scale: 1 / Math.sqrt(headDim),
        window,
        queryDocumentIds: inputs.documentIds,
        keyDocumentIds: inputs.keyDocumentIds,
      });
      return reshape(mixed, [batch, time, heads * headDim]);
    },
  };
}

function feedForward({ gate, up, down, activation }: FfnSpec, normed: Tensor, pass: SitePass): Tensor {
  if (gate === undefined) return pass.linear(down.name, activate(pass.linear(up.name, normed), activation));
  const gated = pass.linear(gate.name, normed);
  const inner = pass.linear(up.name, normed);
  return pass.linear(
    down.name,
    activation === 'silu' ? swiglu(gated, inner) : mul(activate(gated, activation), inner),
  );
}

/**
 * Input of a block's FFN site.
 * @param residual a
 * @param entered x, what entered the block
 * @param base f, if already known
 */
export function ffnInput(
  { ffn, ffnNorm, ffnReads }: LayerSpec,
  pass: SitePass,
  residual: Tensor,
  entered: Tensor,
  base: Tensor | null = null,
): FfnInput {
  const read = { source: ffnReads === 'attention' ? residual : entered };
  const normalize = ({ source }: typeof read): Tensor => norm(ffnNorm, source, pass);
  // a frozen FFN keeps no input, so the branch beside it should not keep one either
  const normed = pass.hasBranch(ffn.name) ? remake(read, normalize) : normalize(read);
  let found = base;
  return {
    residual,
    normed,
    // a branch that replaces the FFN never reads f; a scope of the branch may have disposed an earlier f
    get base() {
      if (found === null || found.isDisposed) found = tidy(() => feedForward(ffn, normed, pass));
      return found;
    },
  };
}

/** Second half of a block: y = a + FFN(z), with attachments. */
export function ffnHalf({ name, ffn }: LayerSpec, input: FfnInput, pass: SitePass): Tensor {
  return pass.block(name, pass.ffn(ffn.name, input));
}
