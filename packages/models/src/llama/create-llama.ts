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
  rmsNorm,
  slice,
  sum,
  tidy,
} from '@moect/tensor';
import { checkParameters } from './check-parameters.ts';
import { LlamaCache } from './llama-cache.ts';
import { architectureName, parseLlamaConfig } from './llama-config.ts';
import { llamaParameterShapes } from './llama-parameters.ts';
import { checkFrom, startOf } from './llama-prefix.ts';
import { llamaSites } from './llama-sites.ts';
import { createRopeTables } from './rope-tables.ts';
import { EMBEDDING, hiddenAt, type Parts, runLayers } from './run-layers.ts';
import { checkTouched, createSitePass } from './site-pass.ts';

/**
 * A model of the Llama family (Llama, Mistral, Qwen2, Qwen3).
 * @param config contents of its config.json, in the spelling of transformers 4 or 5
 * @param parameters all weights by Hugging Face name, float32; the model owns them from here on
 * Throws InvalidConfigError, NoMatchingParameterError (missing or unused weights), ShapeMismatchError.
 */
export function createLlama(config: JsonObject, parameters: ParamMap): BaseModel {
  const parsed = parseLlamaConfig(config);
  const shapes = new Map([...parameters].map(([name, parameter]) => [name, parameter.shape]));
  checkParameters(llamaParameterShapes(parsed), shapes, 'parameters');
  const sites = llamaSites(parsed);
  const parts: Parts = { config: parsed, parameters, sites, ropeTables: createRopeTables(parsed) };
  const model: BaseModel = {
    contract: 'base-model/1',
    architecture: architectureName(config),
    config,
    hiddenSize: parsed.hiddenSize,
    numLayers: parsed.numLayers,
    vocabSize: parsed.vocabSize,
    maxPositions: parsed.maxPositions,
    tiedHead: parsed.tiedHead,
    sites,
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
      start: (touched) => startOf(parsed, touched),
      hidden: (start, tokens, options = {}) => {
        checkInputs(tokens, options);
        return tidy(() => hiddenAt(parts, start, tokens, options));
      },
    },
    createCache: (batch) => new LlamaCache(model, batch),
    dispose: () => {
      dispose(parameters);
      parts.ropeTables.dispose();
    },
  };
  return model;
}

function ffnAt({ sites, parameters }: Parts, site: string): BaseFfn {
  const names = sites.filter(({ kind }) => kind === 'ffn').map(({ name }) => name);
  if (!names.includes(site)) throw new NoSuchComponentError('ffn site', site, names);
  return {
    gateProj: parameters.get(`${site}.gate_proj.weight`)!,
    upProj: parameters.get(`${site}.up_proj.weight`)!,
    downProj: parameters.get(`${site}.down_proj.weight`)!,
  };
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

/** Checks what the caller gave and finds the cache behind the contract's type. */
function cacheOf(model: BaseModel, tokens: Tensor, options: ForwardOptions): LlamaCache | undefined {
  checkInputs(tokens, options);
  const { cache } = options;
  if (cache === undefined) return undefined;
  if (!(cache instanceof LlamaCache)) {
    const problem = { path: 'options.cache', message: 'was made by another kind of model' };
    throw new InvalidConfigError('forward', [problem], 'Call createCache of this model.');
  }
  cache.check(model, tokens.shape[0]!);
  return cache;
}

/** The stream through all layers and the final norm. */
interface Trunk {
  readonly layers: ReturnType<typeof runLayers>;
  /** What the head sees. */
  readonly pass: ReturnType<typeof createSitePass>;
  /** [batch, time, hiddenSize] */
  readonly hidden: Tensor;
  /** Name of the head's weight [vocabSize, hiddenSize]. */
  readonly headName: string;
}

function runTrunk(parts: Parts, tokens: Tensor, options: ForwardOptions, cache?: LlamaCache): Trunk {
  const { config } = parts;
  checkTouched(parts, options);
  if (options.from !== undefined) checkFrom(config, tokens, options.from, options);
  const layers = runLayers(parts, config.numLayers, tokens, options, cache);
  const pass = createSitePass(parts, options, layers.inputs, cache);
  const hidden = rmsNorm(layers.stream, pass.weight('model.norm.weight'), config.rmsNormEps);
  return { layers, pass, hidden, headName: config.tiedHead ? EMBEDDING : 'lm_head.weight' };
}

function forward(parts: Parts, tokens: Tensor, options: ForwardOptions, cache?: LlamaCache): ForwardResult {
  const [batch, time] = tokens.shape as [number, number];
  const { layers, pass, hidden, headName } = runTrunk(parts, tokens, options, cache);
  const last = [batch, 1, parts.config.hiddenSize];
  const read = options.logits === 'last' ? slice(hidden, [0, time - 1, 0], last) : hidden;
  const logits = pass.head(read, linear(read, pass.weight(headName)));
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
    return { ...linearCrossEntropy([own, ...added], flatTargets, scale), auxLosses, statistics };
  }
  const logits = pass.head(hidden, linear(hidden, weight));
  const tokenLosses = crossEntropy(reshape(logits, [tokens.size, parts.config.vocabSize]), flatTargets);
  return { loss: mul(sum(tokenLosses), scale), tokenLosses, auxLosses, statistics };
}
