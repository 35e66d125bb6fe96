import {
  type ForwardOptions,
  InvalidConfigError,
  type LayerInput,
  ShapeMismatchError,
  type Tensor,
} from '@moect/core';
import type { LlamaConfig } from './llama-config.ts';

const LAYER = /^model\.layers\.(\d+)(?:\.|$)/;

/** Layer of a site or parameter; what follows the layers counts as one more, the embeddings as 0. */
function layerOf(name: string, { numLayers }: LlamaConfig): number {
  const layer = LAYER.exec(name)?.[1];
  if (layer !== undefined) return Number(layer);
  return name.startsWith('model.embed_tokens.') ? 0 : numLayers;
}

/** See `BasePrefix.firstLayer`. */
export function firstLayer(
  config: LlamaConfig,
  { attachments, overrides }: Pick<ForwardOptions, 'attachments' | 'overrides'>,
): number {
  const names = [
    ...(attachments === undefined
      ? []
      : [attachments.ffn, attachments.linear, attachments.block].flatMap((sites) => [...sites.keys()])),
    ...(overrides?.keys() ?? []),
  ];
  return Math.min(config.numLayers, ...names.map((name) => layerOf(name, config)));
}

/** Throws InvalidConfigError and ShapeMismatchError where a pass cannot begin with `from`. */
export function checkFrom(
  config: LlamaConfig,
  tokens: Tensor,
  from: LayerInput,
  options: ForwardOptions,
): void {
  const { layer, hidden } = from;
  const refuse = (message: string): never => {
    throw new InvalidConfigError('forward', [{ path: 'options.from', message }]);
  };
  if (!Number.isInteger(layer) || layer < 0 || layer > config.numLayers) {
    refuse(`layer must be a whole number from 0 to ${config.numLayers}, is ${layer}`);
  }
  if (options.cache !== undefined)
    refuse('cannot stand beside a cache: the layers below would miss their keys');
  const first = firstLayer(config, options);
  if (first < layer) refuse(`begins at layer ${layer}, but layer ${first} is attached to or overridden`);
  const shape = [...tokens.shape, config.hiddenSize];
  if (hidden.dtype !== 'float32' || hidden.shape.join() !== shape.join()) {
    throw new ShapeMismatchError(
      'options.from.hidden',
      hidden.shape,
      `[${shape.join(', ')}] float32 (given ${hidden.dtype})`,
    );
  }
}
