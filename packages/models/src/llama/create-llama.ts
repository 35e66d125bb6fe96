import {
  type BaseFfn,
  type BaseModel,
  type ForwardOptions,
  type ForwardResult,
  InvalidConfigError,
  NoSuchComponentError,
  type ParamMap,
  ShapeMismatchError,
  type Site,
  type Tensor,
} from '@moect/core';
import { dispose, embedding, linear, rmsNorm, slice, tensor, tidy, zeros } from '@moect/tensor';
import type { JsonObject } from '../hf/json-fields.ts';
import { checkParameters } from './check-parameters.ts';
import { type BlockInputs, llamaBlock } from './llama-block.ts';
import { type LayerKeys, LlamaCache } from './llama-cache.ts';
import { architectureName, type LlamaConfig, parseLlamaConfig } from './llama-config.ts';
import { llamaParameterShapes } from './llama-parameters.ts';
import { llamaSites } from './llama-sites.ts';
import { createRopeTables, type RopeTables } from './rope-tables.ts';
import { createSitePass } from './site-pass.ts';

/** What a forward pass needs of its model. */
interface Parts {
  readonly config: LlamaConfig;
  readonly parameters: ParamMap;
  readonly sites: readonly Site[];
  readonly ropeTables: RopeTables;
}

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

/** Checks what the caller gave and finds the cache behind the contract's type. */
function cacheOf(model: BaseModel, tokens: Tensor, options: ForwardOptions): LlamaCache | undefined {
  if (tokens.rank !== 2 || tokens.dtype !== 'int32' || tokens.size === 0) {
    throw new ShapeMismatchError('tokens', tokens.shape, `[batch, time] int32 (given ${tokens.dtype})`);
  }
  for (const key of ['positions', 'documentIds', 'roles', 'languageIds'] as const) {
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
  const { cache } = options;
  if (cache === undefined) return undefined;
  if (!(cache instanceof LlamaCache)) {
    const problem = { path: 'options.cache', message: 'was made by another kind of model' };
    throw new InvalidConfigError('forward', [problem], 'Call createCache of this model.');
  }
  cache.check(model, tokens.shape[0]!);
  return cache;
}

function consecutivePositions(batch: number, time: number, first: number): Tensor {
  const values = Int32Array.from({ length: batch * time }, (_, i) => first + (i % time));
  return tensor(values, [batch, time], 'int32');
}

function forward(parts: Parts, tokens: Tensor, options: ForwardOptions, cache?: LlamaCache): ForwardResult {
  const { config } = parts;
  const [batch, time] = tokens.shape as [number, number];
  const seen = cache?.length ?? 0;
  const documentIds = options.documentIds ?? zeros([batch, time], 'int32');
  const pass = createSitePass(parts, options, documentIds, cache);
  const layers: LayerKeys[] = [];
  // the values of given positions are on the device, so the table covers whatever the model allows
  const rows = options.positions === undefined ? seen + time : Math.max(seen + time, config.maxPositions);
  const inputs: BlockInputs = {
    ...parts.ropeTables.at(rows, seen + time),
    positions: options.positions ?? consecutivePositions(batch, time, seen),
    documentIds,
    keyDocumentIds: cache?.withDocumentIds(documentIds) ?? documentIds,
    extendKeys(layer, added) {
      const all = cache?.withKeys(layer, added) ?? added;
      if (cache !== undefined) layers.push(all);
      return all;
    },
  };
  let stream = embedding(pass.weight('model.embed_tokens.weight'), tokens);
  const hiddenStates = [stream];
  for (let layer = 0; layer < config.numLayers; layer++) {
    // a scope for each block: what it computed in passing goes at once, not when the pass ends
    const [after] = tidy(
      () => [llamaBlock(stream, layer, config, pass, inputs), layers, pass.kept()] as const,
    );
    stream = after;
    hiddenStates.push(stream);
  }
  const hidden = rmsNorm(stream, pass.weight('model.norm.weight'), config.rmsNormEps);
  hiddenStates[config.numLayers] = hidden;
  const read =
    options.logits === 'last' ? slice(hidden, [0, time - 1, 0], [batch, 1, config.hiddenSize]) : hidden;
  const headWeight = pass.weight(config.tiedHead ? 'model.embed_tokens.weight' : 'lm_head.weight');
  const logits = pass.head(read, linear(read, headWeight));
  cache?.commit({ layers, states: pass.states, documentIds: inputs.keyDocumentIds, time });
  return {
    logits,
    auxLosses: pass.auxLosses,
    statistics: pass.statistics,
    hiddenStates: options.collectHiddenStates === true ? hiddenStates : [],
  };
}
