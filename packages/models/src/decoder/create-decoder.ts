import type { JsonObject } from '@moect/core';
import {
  type BaseFfn,
  type BaseModel,
  type ForwardOptions,
  type ForwardResult,
  InvalidConfigError,
  type LossOptions,
  type LossResult,
  NoSuchComponentError,
  type ParamMap,
  ShapeMismatchError,
  type Tensor,
} from '@moect/core';
import {
  crossEntropy,
  dispose,
  linear,
  linearCrossEntropy,
  mul,
  reshape,
  slice,
  softcap,
  sum,
  tidy,
} from '@moect/tensor';
import { baseFfn } from './base-ffn.ts';
import { norm } from './block.ts';
import { checkParameters } from './check-parameters.ts';
import { KeyValueCache } from './decoding-cache.ts';
import { layoutOf, shapesOf } from './layout.ts';
import type { DecoderConfig, ModelFamily } from './model-family.ts';
import { createLayerRopeTables } from './rotary/rope-tables.ts';
import { hiddenAt, type Parts, runLayers } from './run-layers.ts';
import { sampledCrossEntropy } from './sampled-cross-entropy.ts';
import { checkTouched, createSitePass } from './site-pass.ts';
import { checkFrom, checkPoint, startOf } from './start-points.ts';

function partsOf(family: ModelFamily, config: DecoderConfig, parameters: ParamMap): Parts {
  const layout = layoutOf(family, config);
  const shapes = new Map([...parameters].map(([name, parameter]) => [name, parameter.shape]));
  checkParameters(shapesOf(layout), shapes, 'parameters');
  const rotary = layout.layers.map((_, layer) => family.rotary?.(config, layer));
  return { family, config, layout, parameters, ropeTables: createLayerRopeTables(rotary) };
}

/**
 * A decoder-only model of a family.
 * @param json contents of its config.json
 * @param parameters all weights by Hugging Face name, float32; the model owns them from here on
 * Throws InvalidConfigError, NoMatchingParameterError (missing or unused weights), ShapeMismatchError.
 */
export function createDecoder(family: ModelFamily, json: JsonObject, parameters: ParamMap): BaseModel {
  const config = family.parse(json, 'config.json');
  const parts = partsOf(family, config, parameters);
  const { architecture, hiddenSize, numLayers, vocabSize, maxPositions, tiedHead } = config;
  const model: BaseModel = {
    contract: 'base-model/1',
    architecture,
    config: json,
    hiddenSize,
    numLayers,
    vocabSize,
    maxPositions,
    ...(config.hasLearnedPositions === true && { hasLearnedPositions: true }),
    tiedHead,
    sites: parts.layout.sites,
    parameters,
    ffnAt: (site) => ffnAt(parts, site),
    forward: (tokens, options = {}) =>
      tidy(() => forward(parts, tokens, options, cacheOf(model, tokens, options))),
    loss: (tokens, targets, scale, options = {}) =>
      tidy(() => {
        checkInputs(tokens, { ...options, targets });
        return loss(parts, tokens, targets, scale, options);
      }),
    prefix: {
      start: (touched) => startOf(parts, touched),
      hidden: (start, tokens, options = {}) => {
        checkPoint(parts, start);
        checkInputs(tokens, options);
        return tidy(() => hiddenAt(parts, start, tokens, options));
      },
    },
    createCache: (batch) => new KeyValueCache(model, batch),
    dispose: () => {
      dispose(parameters);
      parts.ropeTables.dispose();
    },
  };
  return model;
}

function ffnAt({ layout, parameters }: Parts, site: string): BaseFfn {
  const found = layout.layers.find(({ ffn }) => ffn.name === site);
  if (found !== undefined) return baseFfn(found, parameters);
  const names = layout.layers.map(({ ffn }) => ffn.name);
  throw new NoSuchComponentError('ffn site', site, names);
}

/** Throws ShapeMismatchError unless all are [batch, time] int32. */
function checkInputs(tokens: Tensor, options: ForwardOptions & { readonly targets?: Tensor }): void {
  if (tokens.rank !== 2 || tokens.dtype !== 'int32' || tokens.size === 0) {
    throw new ShapeMismatchError('tokens', tokens.shape, `[batch, time] int32 (given ${tokens.dtype})`);
  }
  for (const key of ['positions', 'documentIds', 'roles', 'languageIds', 'targets'] as const) {
    const given = options[key];
    if (given === undefined) continue;
    if (given.shape.join() !== tokens.shape.join() || given.dtype !== 'int32') {
      throw new ShapeMismatchError(
        key,
        given.shape,
        `[${tokens.shape.join(', ')}] int32 (given ${given.dtype})`,
      );
    }
  }
}

/** Positions given by the caller are on the device and are not checked here. */
function checkLength(
  { hasLearnedPositions, maxPositions }: DecoderConfig,
  tokens: Tensor,
  { positions, cache }: ForwardOptions,
): void {
  const seen = cache?.length ?? 0;
  if (hasLearnedPositions !== true || positions !== undefined || seen + tokens.shape[1]! <= maxPositions)
    return;
  const most = `[batch, at most ${maxPositions - seen}]${seen === 0 ? '' : ` after ${seen} tokens in the cache`}`;
  throw new ShapeMismatchError(
    'tokens',
    tokens.shape,
    most,
    `This base has learned ${maxPositions} positions and no more; cut the sequence.`,
  );
}

/** Checks the caller's inputs and returns the cache as this decoder's own type. */
function cacheOf(model: BaseModel, tokens: Tensor, options: ForwardOptions): KeyValueCache | undefined {
  checkInputs(tokens, options);
  const { cache } = options;
  if (cache === undefined) return undefined;
  if (!(cache instanceof KeyValueCache)) {
    const problem = { path: 'options.cache', message: 'was made by another kind of model' };
    throw new InvalidConfigError('forward', [problem], 'Call createCache of this model.');
  }
  cache.check(model, tokens.shape[0]!);
  return cache;
}

/** The stream through all layers and the final norm. */
interface Trunk {
  readonly layers: ReturnType<typeof runLayers>;
  /** Site pass of the head. */
  readonly pass: ReturnType<typeof createSitePass>;
  /** [batch, time, hiddenSize] */
  readonly hidden: Tensor;
  /** Name of the head's weight [vocabSize, hiddenSize]. */
  readonly headName: string;
}

function runTrunk(parts: Parts, tokens: Tensor, options: ForwardOptions, cache?: KeyValueCache): Trunk {
  const { config, layout } = parts;
  checkTouched(parts, options);
  checkLength(config, tokens, options);
  if (options.from !== undefined) checkFrom(parts, tokens, options.from, options);
  const layers = runLayers(parts, config.numLayers, tokens, options, cache);
  const pass = createSitePass(parts, options, layers.inputs, cache);
  const hidden = norm(layout.finalNorm, layers.stream, pass);
  return { layers, pass, hidden, headName: layout.head.weight };
}

/** Logits as the model gives them: the cap comes after what an extension adds to them. */
function capped({ config: { logitsSoftcap } }: Parts, logits: Tensor): Tensor {
  return logitsSoftcap === undefined ? logits : softcap(logits, logitsSoftcap);
}

function forward(
  parts: Parts,
  tokens: Tensor,
  options: ForwardOptions,
  cache?: KeyValueCache,
): ForwardResult {
  const [batch, time] = tokens.shape as [number, number];
  const { layers, pass, hidden, headName } = runTrunk(parts, tokens, options, cache);
  const last = [batch, 1, parts.config.hiddenSize];
  const read = options.logits === 'last' ? slice(hidden, [0, time - 1, 0], last) : hidden;
  const logits = capped(parts, pass.head(read, linear(read, pass.weight(headName))));
  const { keys, states, statistics, auxLosses } = layers;
  cache?.commit({ layers: keys, states, documentIds: layers.inputs.keyDocumentIds, time });
  return {
    logits,
    auxLosses,
    statistics,
    hiddenStates: options.collectHiddenStates === true ? [...layers.hiddenStates.slice(0, -1), hidden] : [],
  };
}

function loss(
  parts: Parts,
  tokens: Tensor,
  targets: Tensor,
  scale: number,
  options: LossOptions,
): LossResult {
  const { layers, pass, hidden, headName } = runTrunk(parts, tokens, options);
  const { auxLosses, statistics } = layers;
  const flatTargets = reshape(targets, [tokens.size]);
  const weight = pass.weight(headName);
  const added = pass.headTerms(hidden);
  if (added !== null) {
    const own = { input: hidden, weight, trainable: options.overrides?.has(headName) ?? false };
    const { logitsSoftcap } = parts.config;
    const { candidates } = options;
    const summed =
      candidates === undefined || logitsSoftcap !== undefined
        ? linearCrossEntropy([own, ...added], flatTargets, scale, logitsSoftcap)
        : sampledCrossEntropy([own, ...added], scale, candidates);
    return { ...summed, auxLosses, statistics };
  }
  const logits = capped(parts, pass.head(hidden, linear(hidden, weight)));
  const tokenLosses = crossEntropy(reshape(logits, [tokens.size, parts.config.vocabSize]), flatTargets);
  return { loss: mul(sum(tokenLosses), scale), tokenLosses, auxLosses, statistics };
}
