import {
  type ForwardOptions,
  InvalidConfigError,
  isAbove,
  type LayerInput,
  nameOf,
  ShapeMismatchError,
  type Site,
  type StartPoint,
  type Tensor,
  widthAt,
} from '@moect/core';
import type { DecoderLayout } from './layout.ts';
import type { Parts } from './run-layers.ts';
import { checkTouched } from './site-pass.ts';

type StartParts = Pick<Parts, 'config' | 'layout' | 'parameters'>;

/** `ffn` if a pass can begin at this layer's FFN site, else `block`. */
function ffnOf({ layers }: DecoderLayout, layer: number): StartPoint['at'] {
  return layers[layer]?.ffnReads === 'attention' ? 'ffn' : 'block';
}

/** See `BasePrefix.start`. */
export function startOf(
  { config, layout, parameters }: StartParts,
  touched: Pick<ForwardOptions, 'attachments' | 'overrides'>,
): StartPoint {
  checkTouched({ layout, parameters }, touched);
  const { attachments, overrides = new Map<string, Tensor>() } = touched;
  const isTouched = ({ name, kind }: Site): boolean =>
    kind !== 'head' && attachments?.[kind].has(name) === true;
  const sites = layout.sites.filter(isTouched);
  const weights = [...overrides.keys()].map((name) => layout.parameters.get(name)!.layer);
  const layer = Math.min(config.numLayers, ...weights, ...sites.map((site) => site.layer!));
  const inside = sites.filter((site) => site.layer === layer);
  const isBehindFfn = !weights.includes(layer) && inside.every(({ kind }) => kind !== 'linear');
  return { layer, at: isBehindFfn ? ffnOf(layout, layer) : 'block' };
}

/** Throws InvalidConfigError for a point where this base cannot begin. */
export function checkPoint(
  { config, layout }: Pick<StartParts, 'config' | 'layout'>,
  { layer, at }: StartPoint,
): void {
  const refuse = (message: string): never => {
    throw new InvalidConfigError('forward', [{ path: 'options.from', message }]);
  };
  if (!Number.isInteger(layer) || layer < 0 || layer > config.numLayers) {
    refuse(`layer must be a whole number from 0 to ${config.numLayers}, is ${layer}`);
  }
  if (at === 'block') return;
  if (layer === config.numLayers) refuse(`there is no FFN of layer ${layer}`);
  if (ffnOf(layout, layer) === 'block') {
    refuse(`the FFN of layer ${layer} reads what enters the layer; begin at 'block'`);
  }
}

/** Throws InvalidConfigError and ShapeMismatchError where a pass cannot begin with `from`. */
export function checkFrom(
  parts: StartParts,
  tokens: Tensor,
  from: LayerInput,
  options: ForwardOptions,
): void {
  const { hidden } = from;
  const refuse = (message: string): never => {
    throw new InvalidConfigError('forward', [{ path: 'options.from', message }]);
  };
  checkPoint(parts, from);
  if (options.cache !== undefined)
    refuse('cannot stand beside a cache: the layers below would miss their keys');
  const last = startOf(parts, options);
  if (isAbove(from, last)) {
    refuse(`begins at ${nameOf(from)}, but ${nameOf(last)} is attached to or overridden`);
  }
  const shape = [...tokens.shape, widthAt(from, parts.config.hiddenSize)];
  if (hidden.dtype !== 'float32' || hidden.shape.join() !== shape.join()) {
    throw new ShapeMismatchError(
      'options.from.hidden',
      hidden.shape,
      `[${shape.join(', ')}] float32 (given ${hidden.dtype})`,
    );
  }
}
