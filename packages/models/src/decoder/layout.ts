import type { ParamPath, Site } from '@moect/core';
import type {
  DecoderConfig,
  FfnSpec,
  LayerSpec,
  LinearSpec,
  MixtureSpec,
  ModelFamily,
  NormSpec,
  WeightSpec,
} from './model-family.ts';

export interface ParameterSpec {
  readonly shape: readonly number[];
  /** First layer that reads it: 0 also for embeddings, the number of layers for modules after the layers. */
  readonly layer: number;
  /** Initialisation; `residual` weights write into the stream and are drawn smaller. */
  readonly fresh: 'normal' | 'residual' | 'one' | 'zero';
  readonly isStoredTransposed: boolean;
}

/** Modules of a decoder with their full names. */
export interface DecoderLayout {
  /** In the order of the forward pass. */
  readonly parameters: ReadonlyMap<ParamPath, ParameterSpec>;
  /** In the order in which the forward pass meets them. */
  readonly sites: readonly Site[];
  readonly layers: readonly LayerSpec[];
  readonly finalNorm: NormSpec;
  readonly embeddingNorm: NormSpec | null;
  /** Module of the token embeddings. */
  readonly tokens: string;
  readonly head: { readonly site: string; readonly weight: ParamPath };
}

type Add = (
  name: ParamPath,
  spec: Omit<ParameterSpec, 'isStoredTransposed'>,
  isStoredTransposed?: boolean,
) => void;

type Module = LinearSpec | NormSpec | WeightSpec;

export const isMixture = (ffn: FfnSpec | MixtureSpec): ffn is MixtureSpec => 'router' in ffn;

type Rename = <T extends { readonly name: string }>(module: T) => T;

function denseWithFullNames(ffn: FfnSpec, full: Rename): FfnSpec {
  const { gate, up, down } = ffn;
  return { ...full(ffn), ...(gate && { gate: full(gate) }), up: full(up), down: full(down) };
}

function mixtureWithFullNames(ffn: MixtureSpec, full: Rename): MixtureSpec {
  const { router, experts, shared } = ffn;
  const { gate, up, down } = experts;
  return {
    ...full(ffn),
    router: full(router),
    experts: { gate: full(gate), up: full(up), down: full(down) },
    ...(shared && { shared: { gate: full(shared.gate), ffn: denseWithFullNames(shared.ffn, full) } }),
  };
}

/** The layer with the full names of its modules. */
function withFullNames(layer: LayerSpec): LayerSpec {
  const full: Rename = (module) => ({ ...module, name: `${layer.name}.${module.name}` });
  const { ffn, ffnNorm, ffnOutputNorm } = layer;
  return {
    ...layer,
    attention: layer.attention.map(full),
    ...(ffnNorm && { ffnNorm: full(ffnNorm) }),
    ffn: isMixture(ffn) ? mixtureWithFullNames(ffn, full) : denseWithFullNames(ffn, full),
    ...(ffnOutputNorm && { ffnOutputNorm: full(ffnOutputNorm) }),
  };
}

const denseModules = ({ gate, up, down }: FfnSpec): LinearSpec[] => [...(gate ? [gate] : []), up, down];

function ffnModules(ffn: FfnSpec | MixtureSpec): Module[] {
  if (!isMixture(ffn)) return denseModules(ffn);
  const { router, experts, shared } = ffn;
  const always = shared === undefined ? [] : [shared.gate, ...denseModules(shared.ffn)];
  return [router, experts.gate, experts.up, experts.down, ...always];
}

function modulesOf({ attention, ffnNorm, ffn, ffnOutputNorm }: LayerSpec): Module[] {
  return [
    ...attention,
    ...(ffnNorm ? [ffnNorm] : []),
    ...ffnModules(ffn),
    ...(ffnOutputNorm ? [ffnOutputNorm] : []),
  ];
}

function addModule(add: Add, module: Module, layer: number): void {
  const { name } = module;
  if (module.kind === 'weight') {
    const { shape, isResidual } = module;
    add(`${name}.weight`, { shape, layer, fresh: isResidual === true ? 'residual' : 'normal' });
    return;
  }
  if (module.kind === 'linear') {
    const { role, inSize, outSize, bias } = module;
    const fresh = role === 'attention-output' || role === 'ffn-down' ? 'residual' : 'normal';
    add(`${name}.weight`, { shape: [outSize, inSize], layer, fresh }, module.isStoredTransposed);
    if (bias) add(`${name}.bias`, { shape: [outSize], layer, fresh: 'zero' });
    return;
  }
  const fresh = module.isZeroCentred === true ? 'zero' : 'one';
  add(`${name}.weight`, { shape: [module.size], layer, fresh });
  if (module.kind === 'layer-norm') add(`${name}.bias`, { shape: [module.size], layer, fresh: 'zero' });
}

function layerSites(spec: LayerSpec, layer: number, hiddenSize: number): Site[] {
  const linears = modulesOf(spec).flatMap((module): Site[] => {
    if (module.kind !== 'linear') return [];
    const { name, kind, role, inSize, outSize } = module;
    return [{ name, kind, role, layer, inSize, outSize }];
  });
  const stream = { layer, inSize: hiddenSize, outSize: hiddenSize };
  return [
    ...linears,
    { name: spec.ffn.name, kind: 'ffn', ...stream },
    { name: spec.name, kind: 'block', ...stream },
  ];
}

/** Names, shapes and sites of a model of this family. */
export function layoutOf(family: ModelFamily, config: DecoderConfig): DecoderLayout {
  const { hiddenSize, numLayers, vocabSize, tiedHead } = config;
  const parameters = new Map<ParamPath, ParameterSpec>();
  const add: Add = (name, spec, isStoredTransposed = false) => {
    parameters.set(name, { ...spec, isStoredTransposed });
  };
  const embeddings = family.embeddings(config);
  for (const { name, rows } of embeddings) {
    add(`${name}.weight`, { shape: [rows, hiddenSize], layer: 0, fresh: 'normal' });
  }
  const embeddingNorm = family.embeddingNorm?.(config) ?? null;
  if (embeddingNorm !== null) addModule(add, embeddingNorm, 0);
  const layers = Array.from({ length: numLayers }, (_, i) => withFullNames(family.layer(config, i)));
  for (const [i, layer] of layers.entries()) for (const module of modulesOf(layer)) addModule(add, module, i);
  const finalNorm = family.finalNorm(config);
  addModule(add, finalNorm, numLayers);
  const tokens = embeddings[0]!.name;
  const head = { site: family.head, weight: `${tiedHead ? tokens : family.head}.weight` };
  if (!tiedHead) add(head.weight, { shape: [vocabSize, hiddenSize], layer: numLayers, fresh: 'normal' });
  const sites: Site[] = [
    ...layers.flatMap((layer, i) => layerSites(layer, i, hiddenSize)),
    { name: head.site, kind: 'head', layer: null, inSize: hiddenSize, outSize: vocabSize },
  ];
  return { parameters, sites, layers, finalNorm, embeddingNorm, tokens, head };
}

/** Shapes by Hugging Face name, in the order of the forward pass. Linear weights are [out, in]. */
export function shapesOf({
  parameters,
}: Pick<DecoderLayout, 'parameters'>): Map<ParamPath, readonly number[]> {
  return new Map([...parameters].map(([name, { shape }]) => [name, shape]));
}
