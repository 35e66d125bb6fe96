import {
  type Attachments,
  type FfnInput,
  type ForwardOptions,
  type LogitsTerm,
  NoMatchingParameterError,
  NoSuchComponentError,
  type ParamMap,
  type ParamTree,
  type Site,
  type SiteContext,
  type SiteStatistics,
  type Tensor,
} from '@moect/core';
import { add, linear, slice } from '@moect/tensor';
import { checkShape } from './check-parameters.ts';
import type { KeyValueCache } from './decoding-cache.ts';
import type { DecoderLayout } from './layout.ts';

interface Base {
  readonly layout: Pick<DecoderLayout, 'sites' | 'head'>;
  readonly parameters: ParamMap;
}

type Options = Pick<
  ForwardOptions,
  'attachments' | 'overrides' | 'training' | 'normalizers' | 'gateThreshold' | 'rng' | 'collectStatistics'
>;

/** Inputs that sites may read besides their own. */
export interface SiteInputs {
  /** [batch, time] int32 */
  readonly tokens: Tensor;
  /** [batch, time] int32 */
  readonly documentIds: Tensor;
  readonly roles: Tensor | undefined;
  readonly languageIds: Tensor | undefined;
  /** [batch, time, 1]: p of the nearest site below */
  readonly baseWeight: Tensor | undefined;
}

/** Results of one layer's attachments. */
export interface SiteResults {
  /** Summed over the sites. */
  readonly auxLosses: Readonly<Record<string, Tensor>>;
  readonly statistics: ReadonlyMap<string, SiteStatistics>;
  readonly states: ReadonlyMap<string, ParamTree>;
  /** p of the last site so far. */
  readonly baseWeight: Tensor | undefined;
}

/** Weights, attachments and attachments' results at the sites of one layer, or of the head. */
export interface SitePass {
  results(): SiteResults;
  /** The override of a parameter, or the base's own. */
  weight(name: string): Tensor;
  /** A linear layer with its bias, if it has one, and its attachment. */
  linear(site: string, input: Tensor): Tensor;
  /** Whether a branch is attached to an FFN. */
  hasBranch(site: string): boolean;
  /** The stream after an FFN: a + f, or the attachment's output. */
  ffn(site: string, input: FfnInput): Tensor;
  block(site: string, stream: Tensor): Tensor;
  /** @param hidden [batch, positions, hiddenSize]: all positions, or the last only */
  head(hidden: Tensor, logits: Tensor): Tensor;
  /** The head's attachment as linear terms; null if it needs the logits. */
  headTerms(hidden: Tensor): readonly LogitsTerm[] | null;
}

/** Throws NoSuchComponentError for attachments to sites that this model lacks. */
function checkAttachments(attachments: Attachments, sites: readonly Site[]): void {
  for (const kind of ['ffn', 'linear', 'block'] as const) {
    if (attachments[kind].size === 0) continue;
    const names = sites.filter((site) => site.kind === kind).map((site) => site.name);
    const known = new Set(names);
    for (const name of attachments[kind].keys()) {
      if (!known.has(name)) throw new NoSuchComponentError(`${kind} site`, name, names);
    }
  }
}

function checkOverrides(overrides: ParamMap, parameters: ParamMap): void {
  for (const [name, value] of overrides) {
    const own = parameters.get(name);
    if (own === undefined) throw new NoMatchingParameterError('overrides', [name], [...parameters.keys()]);
    checkShape(name, value.shape, own.shape);
  }
}

/** The rows of the last `count` of `time` positions. */
function lastPositions(x: Tensor, count: number): Tensor {
  const time = x.shape[1]!;
  const rest = x.shape.slice(2);
  return slice(x, [0, time - count, ...rest.map(() => 0)], [x.shape[0]!, count, ...rest]);
}

/** Throws NoSuchComponentError, NoMatchingParameterError and ShapeMismatchError. */
export function checkTouched({ layout, parameters }: Base, { attachments, overrides }: Options): void {
  if (attachments !== undefined) checkAttachments(attachments, layout.sites);
  if (overrides !== undefined) checkOverrides(overrides, parameters);
}

export function createSitePass(
  { layout, parameters }: Base,
  options: Options,
  { tokens, documentIds, roles, languageIds, ...inputs }: SiteInputs,
  cache: KeyValueCache | undefined,
): SitePass {
  const { attachments, overrides } = options;
  const weight = (name: string): Tensor => {
    const found = overrides?.get(name) ?? parameters.get(name);
    if (found === undefined) throw new NoSuchComponentError('parameter', name, [...parameters.keys()]);
    return found;
  };
  let { baseWeight } = inputs;
  const [auxLosses, statistics] = [{} as Record<string, Tensor>, new Map<string, SiteStatistics>()];
  const states = new Map<string, ParamTree>();

  const context = (site: string, positions = documentIds.shape[1]!): SiteContext => {
    const cut = (x: Tensor): Tensor => (positions === documentIds.shape[1] ? x : lastPositions(x, positions));
    const state = cache?.state(site);
    return {
      training: options.training ?? false,
      tokens: cut(tokens),
      documentIds: cut(documentIds),
      baseWeight: baseWeight === undefined ? null : cut(baseWeight),
      ...(roles === undefined ? {} : { roles: cut(roles) }),
      ...(languageIds === undefined ? {} : { languageIds: cut(languageIds) }),
      ...(options.normalizers === undefined ? {} : { normalizers: options.normalizers }),
      ...(options.gateThreshold === undefined ? {} : { gateThreshold: options.gateThreshold }),
      ...(options.rng && options.training ? { rng: options.rng.fork(site) } : {}),
      ...(state === undefined ? {} : { state }),
    };
  };

  const ffn = (site: string, input: FfnInput): Tensor => {
    const attached = attachments?.ffn.get(site);
    if (attached === undefined) return add(input.residual, input.base);
    const result = attached(input, context(site));
    if (result.baseWeight !== undefined) baseWeight = result.baseWeight;
    for (const [name, loss] of Object.entries(result.auxLosses ?? {})) {
      auxLosses[name] = auxLosses[name] === undefined ? loss : add(auxLosses[name], loss);
    }
    if (options.collectStatistics === true) {
      const own = result.baseWeight === undefined ? {} : { baseWeight: result.baseWeight };
      statistics.set(site, { ...own, ...result.statistics });
    }
    if (cache !== undefined && result.state !== undefined) states.set(site, result.state);
    return result.output;
  };

  return {
    results: () => ({ auxLosses, statistics, states, baseWeight }),
    weight,
    hasBranch: (site) => attachments?.ffn.has(site) ?? false,
    ffn,
    linear(site, input) {
      const bias = `${site}.bias`;
      const output = linear(input, weight(`${site}.weight`), parameters.has(bias) ? weight(bias) : undefined);
      return attachments?.linear.get(site)?.(input, output, context(site)) ?? output;
    },
    block: (site, stream) => attachments?.block.get(site)?.(stream, context(site)) ?? stream,
    head: (hidden, logits) =>
      attachments?.head?.(hidden, logits, context(layout.head.site, hidden.shape[1]!)) ?? logits,
    headTerms: (hidden) =>
      attachments?.head == null ? [] : (attachments.headTerms?.(hidden, context(layout.head.site)) ?? null),
  };
}
