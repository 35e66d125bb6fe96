import type {
  FfnInput,
  ForwardOptions,
  ParamMap,
  ParamTree,
  SiteStatistics,
  StartPoint,
  Tensor,
} from '@moect/core';
import { add, clone, concat, embedding, recompute, split, tensor, tidy, zeros } from '@moect/tensor';
import { type BlockInputs, ffnHalf, ffnInput, layerPass, norm } from './block.ts';
import type { KeyValueCache, LayerKeys } from './decoding-cache.ts';
import type { DecoderLayout } from './layout.ts';
import type { DecoderConfig, ModelFamily } from './model-family.ts';
import type { LayerRopeTables } from './rotary/rope-tables.ts';
import { createSitePass, type SiteInputs, type SitePass, type SiteResults } from './site-pass.ts';

/** Parts of a model that a forward pass needs. */
export interface Parts {
  readonly family: ModelFamily;
  readonly config: DecoderConfig;
  readonly layout: DecoderLayout;
  readonly parameters: ParamMap;
  readonly ropeTables: LayerRopeTables;
}

function consecutivePositions(batch: number, time: number, first: number): Tensor {
  const values = Int32Array.from({ length: batch * time }, (_, i) => first + (i % time));
  return tensor(values, [batch, time], 'int32');
}

/** Inputs of a layer, in one record for recomputation. */
type LayerTensors = StreamTensors & {
  readonly cos: Tensor | undefined;
  readonly sin: Tensor | undefined;
};

type StreamTensors = SiteInputs & {
  readonly stream: Tensor;
  readonly positions: Tensor;
  readonly keyDocumentIds: Tensor;
};

/** Inputs of all layers, and the tables of each. */
interface Entering {
  readonly inputs: StreamTensors;
  tables(layer: number): Pick<LayerTensors, 'cos' | 'sin'>;
}

export interface LayersResult {
  readonly stream: Tensor;
  readonly inputs: StreamTensors;
  readonly tables: Entering['tables'];
  readonly hiddenStates: readonly Tensor[];
  readonly auxLosses: Readonly<Record<string, Tensor>>;
  readonly statistics: Map<string, SiteStatistics>;
  readonly states: Map<string, ParamTree>;
  readonly keys: LayerKeys[];
}

/** Input of the first layer that runs. */
function embed(
  { family, config, layout, parameters }: Parts,
  tokens: Tensor,
  positions: Tensor,
  options: ForwardOptions,
): Tensor {
  if (options.from !== undefined) return clone(options.from.hidden);
  const weight = (path: string): Tensor => options.overrides?.get(path) ?? parameters.get(path)!;
  const table = (name: string): Tensor => weight(`${name}.weight`);
  const rows = family.embed?.(config, tokens, positions, table) ?? embedding(table(layout.tokens), tokens);
  return layout.embeddingNorm === null ? rows : norm(layout.embeddingNorm, rows, { weight });
}

function inputsOf(parts: Parts, tokens: Tensor, options: ForwardOptions, cache?: KeyValueCache): Entering {
  const { config, ropeTables } = parts;
  const [batch, time] = tokens.shape as [number, number];
  const seen = cache?.length ?? 0;
  // positions given by the caller are on the device, so the table covers all positions of the model
  const rows = options.positions === undefined ? seen + time : Math.max(seen + time, config.maxPositions);
  const documentIds = options.documentIds ?? zeros([batch, time], 'int32');
  const positions = options.positions ?? consecutivePositions(batch, time, seen);
  const inputs = {
    stream: tidy(() => embed(parts, tokens, positions, options)),
    positions,
    tokens,
    documentIds,
    keyDocumentIds: cache?.withDocumentIds(documentIds) ?? documentIds,
    roles: options.roles,
    languageIds: options.languageIds,
    baseWeight: undefined,
  };
  const tablesOf = ropeTables.at(rows, seen + time);
  const tables = (layer: number): Pick<LayerTensors, 'cos' | 'sin'> => {
    const { cos, sin } = tablesOf(layer);
    return { cos, sin };
  };
  return { inputs, tables };
}

/** Runs the layers from `options.from` on, below layer `end`. */
export function runLayers(
  parts: Parts,
  end: number,
  tokens: Tensor,
  options: ForwardOptions,
  cache?: KeyValueCache,
): LayersResult {
  const entering = inputsOf(parts, tokens, options, cache);
  const { tables } = entering;
  let { inputs } = entering;
  const hiddenStates = [inputs.stream];
  const keys: LayerKeys[] = [];
  const auxLosses: Record<string, Tensor> = {};
  const [statistics, states] = [new Map<string, SiteStatistics>(), new Map<string, ParamTree>()];
  for (let layer = options.from?.layer ?? 0; layer < end; layer++) {
    const run = (own: LayerTensors): SiteResults & { stream: Tensor; keys: LayerKeys[] } =>
      runLayer(parts, layer, own, options, cache);
    const own = { ...inputs, ...tables(layer) };
    // one scope per block frees intermediate results at once, not at the end of the pass
    const result =
      options.recompute === true && cache === undefined ? recompute(own, run) : tidy(() => run(own));
    for (const [name, loss] of Object.entries(result.auxLosses)) {
      auxLosses[name] = auxLosses[name] === undefined ? loss : add(auxLosses[name], loss);
    }
    for (const [site, of] of result.statistics) statistics.set(site, of);
    for (const [site, state] of result.states) states.set(site, state);
    keys.push(...result.keys);
    if (options.collectHiddenStates === true) hiddenStates.push(result.stream);
    else inputs.stream.dispose();
    inputs = { ...inputs, stream: result.stream, baseWeight: result.baseWeight };
  }
  return { stream: inputs.stream, inputs, tables, hiddenStates, auxLosses, statistics, states, keys };
}

function runLayer(
  parts: Parts,
  layer: number,
  inputs: LayerTensors,
  options: ForwardOptions,
  cache?: KeyValueCache,
): SiteResults & { stream: Tensor; keys: LayerKeys[] } {
  const pass = createSitePass(parts, options, inputs, cache);
  const keys: LayerKeys[] = [];
  const extendKeys = (added: LayerKeys): LayerKeys => {
    if (cache === undefined) return added;
    keys.push(cache.withKeys(layer, added));
    return keys[0]!;
  };
  const spec = parts.layout.layers[layer]!;
  const isAtFfn = options.from?.at === 'ffn' && options.from.layer === layer;
  const attended = (): FfnInput => {
    const block = { ...inputs, extendKeys };
    // a scope of its own frees attention's intermediate results before the FFN runs
    const { residual } = tidy(() => ({
      residual: attentionHalf(parts, layer, inputs.stream, pass, block),
      keys,
    }));
    return ffnInput(spec, pass, residual, inputs.stream);
  };
  const entering = isAtFfn ? keptFfnInput(parts, layer, inputs.stream, pass) : attended();
  const stream = ffnHalf(spec, entering, pass);
  return { ...pass.results(), stream, keys };
}

/** First half of a block: a = x + attention(x). */
function attentionHalf(
  { family, config, layout }: Parts,
  layer: number,
  x: Tensor,
  pass: SitePass,
  inputs: BlockInputs,
): Tensor {
  return add(x, family.attention(config, layer, x, layerPass(layout.layers[layer]!, pass, inputs)));
}

/** Input of an FFN site, from the result of `hiddenAt`. */
function keptFfnInput({ config, layout }: Parts, layer: number, hidden: Tensor, pass: SitePass): FfnInput {
  const { hiddenSize } = config;
  const [residual, base] = split(hidden, [hiddenSize, hiddenSize], -1) as [Tensor, Tensor];
  return ffnInput(layout.layers[layer]!, pass, residual, residual, base);
}

/** See `BasePrefix.hidden`. */
export function hiddenAt(parts: Parts, start: StartPoint, tokens: Tensor, options: ForwardOptions): Tensor {
  const { stream, inputs, tables } = runLayers(parts, start.layer, tokens, options);
  if (start.at === 'block') return stream;
  const pass = createSitePass(parts, options, inputs, undefined);
  const block: BlockInputs = { ...inputs, ...tables(start.layer), extendKeys: (added) => added };
  const residual = attentionHalf(parts, start.layer, stream, pass, block);
  return concat([residual, ffnInput(parts.layout.layers[start.layer]!, pass, residual, stream).base], -1);
}
