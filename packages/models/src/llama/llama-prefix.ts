import {
  type ForwardOptions,
  InvalidConfigError,
  isAbove,
  type LayerInput,
  nameOf,
  ShapeMismatchError,
  type StartPoint,
  type Tensor,
  widthAt,
} from '@moect/core';
import type { LlamaConfig } from './llama-config.ts';

const LAYER = /^model\.layers\.(\d+)(?:\.|$)/;

/** Layer of a site or parameter; what follows the layers counts as one more, the embeddings as 0. */
function layerOf(name: string, { numLayers }: LlamaConfig): number {
  const layer = LAYER.exec(name)?.[1];
  if (layer !== undefined) return Number(layer);
  return name.startsWith('model.embed_tokens.') ? 0 : numLayers;
}

/** See `BasePrefix.start`. */
export function startOf(
  config: LlamaConfig,
  { attachments, overrides }: Pick<ForwardOptions, 'attachments' | 'overrides'>,
): StartPoint {
  const names = [
    ...(attachments === undefined
      ? []
      : [attachments.ffn, attachments.linear, attachments.block].flatMap((sites) => [...sites.keys()])),
    ...(overrides?.keys() ?? []),
  ];
  const layer = Math.min(config.numLayers, ...names.map((name) => layerOf(name, config)));
  const at = `model.layers.${layer}`;
  const inside = names.filter((name) => layerOf(name, config) === layer);
  const isFfn = layer < config.numLayers && inside.every((name) => name === at || name === `${at}.mlp`);
  return { layer, at: isFfn ? 'ffn' : 'block' };
}

/** Throws InvalidConfigError and ShapeMismatchError where a pass cannot begin with `from`. */
export function checkFrom(
  config: LlamaConfig,
  tokens: Tensor,
  from: LayerInput,
  options: ForwardOptions,
): void {
  const { layer, at, hidden } = from;
  const refuse = (message: string): never => {
    throw new InvalidConfigError('forward', [{ path: 'options.from', message }]);
  };
  if (!Number.isInteger(layer) || layer < 0 || layer > config.numLayers) {
    refuse(`layer must be a whole number from 0 to ${config.numLayers}, is ${layer}`);
  }
  if (options.cache !== undefined)
    refuse('cannot stand beside a cache: the layers below would miss their keys');
  if (at === 'ffn' && layer === config.numLayers) refuse(`there is no FFN of layer ${layer}`);
  const last = startOf(config, options);
  if (isAbove(from, last)) {
    refuse(`begins at ${nameOf(from)}, but ${nameOf(last)} is attached to or overridden`);
  }
  const shape = [...tokens.shape, widthAt(from, config.hiddenSize)];
  if (hidden.dtype !== 'float32' || hidden.shape.join() !== shape.join()) {
    throw new ShapeMismatchError(
      'options.from.hidden',
      hidden.shape,
      `[${shape.join(', ')}] float32 (given ${hidden.dtype})`,
    );
  }
}
