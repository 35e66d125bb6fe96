import {
  type BaseModel,
  type ConfigProblem,
  type Expert,
  type Fusion,
  InvalidConfigError,
  MoectError,
  type Router,
  type Site,
} from '@moect/core';
import { type Check, type Fields, number, orNull, readOptions, strings } from '@moect/core/options';
import { type ComponentConfig, componentsOf, type MoeComponents } from './components.ts';
import { expertConfig } from './expert-config.ts';

export type MoeCtLayers = 'all' | { readonly every: number } | { readonly top: number } | readonly number[];

export type MoeCtConfig = {
  /**
   * Layers that get a branch: all; every n-th (layer numbers n−1, 2n−1, … counted from 0, as Qwen-MoE's sparse step);
   * the top n; or a list of layer numbers.
   */
  readonly layers: MoeCtLayers;
  readonly numExperts: number;
  /** Experts per token, at most numExperts. */
  readonly topK: number;
  /** Not used with a single expert. */
  readonly router: ComponentConfig;
  /**
   * `auto`: `swiglu` or `mlp`, whichever the base's own FFN is. Beside a base whose FFN is a mixture of experts, which
   * cannot be copied, `auto` starts at zero.
   */
  readonly expert: ComponentConfig;
  readonly fusion: ComponentConfig;
  /** Trainable addition to the output head: rank, `full`, null for none, or `auto` (see {@link headRank}). */
  readonly headDelta: 'auto' | 'full' | number | null;
  /**
   * Tokens that get rows of their own, ascending: one joins the stream behind the first branch, one the output head
   * (docs/method.md §3.3). `used` stands for the tokens of the new languages' texts until a run fills them in. null: none.
   */
  readonly tokenRows: 'used' | readonly number[] | null;
  /** Rank of the update on attention linears; 0: none. */
  readonly attentionRank: number;
  /** The attention update is scaled by this ÷ rank; null takes twice the rank. */
  readonly attentionAlpha: number | null;
  /** Globs of base parameters that train too, as copies in `overrides`: an ablation, it gives up law 3. */
  readonly unfreeze: readonly string[];
};

const component: Check = (value) =>
  typeof value === 'object' && value !== null && typeof (value as ComponentConfig).type === 'string'
    ? null
    : `must be an object with a 'type', is ${JSON.stringify(value)}`;

const positive = number({ min: 1, integer: true });

const layersCheck: Check = (value) => {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  const [key, ...more] = isObject ? Object.keys(value) : [];
  const fits =
    value === 'all' ||
    (Array.isArray(value) &&
      value.length > 0 &&
      value.every((n) => number({ min: 0, integer: true })(n) === null)) ||
    (isObject &&
      more.length === 0 &&
      (key === 'every' || key === 'top') &&
      positive((value as Record<string, unknown>)[key]) === null);
  return fits
    ? null
    : `must be "all", {"every": n}, {"top": n} or a list of layer numbers, is ${JSON.stringify(value)}`;
};

const headCheck: Check = (value) =>
  value === null || value === 'auto' || value === 'full' || positive(value) === null
    ? null
    : `must be null, "auto", "full" or a rank, is ${JSON.stringify(value)}`;

const tokensCheck: Check = (value) => {
  if (value === null || value === 'used') return null;
  const isAscending =
    Array.isArray(value) &&
    value.length > 0 &&
    value.every((id, i) => Number.isSafeInteger(id) && id >= 0 && (i === 0 || id > value[i - 1]));
  const shown = Array.isArray(value) ? `a list of ${value.length}` : JSON.stringify(value);
  return isAscending ? null : `must be null, "used" or a list of ascending token ids, is ${shown}`;
};

/** Guarded gate, two full-width experts in all layers, head delta: docs/method.md §2 and §3.1. */
export const MOE_CT_DEFAULTS: MoeCtConfig = {
  layers: 'all',
  numExperts: 2,
  topK: 2,
  router: { type: 'top-k' },
  expert: { type: 'auto', size: null, init: 'copy' },
  fusion: {
    type: 'guarded',
    oldPrior: 1,
    newPrior: 1,
    bias: 0,
    gateSize: null,
    gateThreshold: null,
    pool: 'prefix',
  },
  headDelta: 'auto',
  tokenRows: null,
  attentionRank: 0,
  attentionAlpha: null,
  unfreeze: [],
};

/** The paper to the letter (docs/method.md §1): the gate as published, nothing beside the layers. */
export const MOE_CT_PAPER: Partial<MoeCtConfig> = { fusion: { type: 'continuous' }, headDelta: null };

/** A pack for the Bayesian mixture or a known language (docs/method.md §4): always on, head delta, attention rank 16. */
export const MOE_CT_MIXTURE: Partial<MoeCtConfig> = { fusion: { type: 'always-on' }, attentionRank: 16 };

const checks: Readonly<Record<keyof MoeCtConfig, Check>> = {
  layers: layersCheck,
  numExperts: positive,
  topK: positive,
  router: component,
  expert: component,
  fusion: component,
  headDelta: headCheck,
  tokenRows: tokensCheck,
  attentionRank: number({ min: 0, integer: true }),
  attentionAlpha: orNull(number({ min: 0 })),
  unfreeze: strings,
};

const fields = Object.fromEntries(
  Object.entries(checks).map(([key, check]) => [
    key,
    { default: MOE_CT_DEFAULTS[key as keyof MoeCtConfig], check },
  ]),
) as unknown as Fields<MoeCtConfig>;

// an array has a method named `every`, so the key alone does not tell lists apart
const isList = (layers: MoeCtLayers): layers is readonly number[] => Array.isArray(layers);

/** Numbers of the layers that get a branch, ascending; those out of range are problems. */
function chosenLayers(layers: MoeCtLayers, numLayers: number, problems: ConfigProblem[]): number[] {
  const all = Array.from({ length: numLayers }, (_, i) => i);
  if (layers === 'all') return all;
  if (!isList(layers) && 'every' in layers) {
    const { every } = layers;
    const chosen = all.filter((i) => (i + 1) % every === 0);
    if (chosen.length === 0)
      problems.push({ path: 'layers', message: `chooses none of ${numLayers} layers` });
    return chosen;
  }
  const listed = isList(layers) ? layers : all.slice(-layers.top);
  const wanted = [...new Set(listed)].sort((a, b) => a - b);
  const outside = wanted.filter((i) => i >= numLayers);
  if (outside.length > 0 || (!isList(layers) && layers.top > numLayers)) {
    problems.push({ path: 'layers', message: `this base has ${numLayers} layers, numbered from 0` });
  }
  return wanted;
}

/** Vocabularies up to 8,192 get a full head delta, larger ones rank 64; none where tokens have rows of their own. */
export function headRank(
  { headDelta, tokenRows }: Pick<MoeCtConfig, 'headDelta' | 'tokenRows'>,
  vocabSize: number,
): number | 'full' | null {
  if (headDelta !== 'auto') return headDelta;
  if (tokenRows !== null) return null;
  return vocabSize <= 8192 ? 'full' : 64;
}

export interface ResolvedMoeCt {
  readonly config: MoeCtConfig;
  readonly router: Router | null;
  readonly expert: Expert;
  readonly fusion: Fusion;
  /** FFN sites that get a branch, bottom up. */
  readonly sites: readonly Site[];
}

/** Description of experts that start at zero, for messages. */
const ZERO_DOWN = "experts that start at zero, such as 'swiglu' with init 'zero-down'";

/** Runs a factory; its problems are listed under `path`. */
function attempt<T>(path: string, problems: ConfigProblem[], create: () => T): T | null {
  try {
    return create();
  } catch (error) {
    if (error instanceof InvalidConfigError) {
      for (const problem of error.problems) problems.push({ ...problem, path: `${path}.${problem.path}` });
    } else if (MoectError.isInstance(error)) problems.push({ path: `${path}.type`, message: error.message });
    else throw error;
    return null;
  }
}

/** Problems of parts that are valid alone but not together. */
function jointProblems({ numExperts, topK }: MoeCtConfig, expert: Expert | null): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  if (topK > numExperts) {
    problems.push({ path: 'topK', message: `must be at most numExperts = ${numExperts}, is ${topK}` });
  }
  if (topK === 1 && numExperts > 1 && expert?.copiesBase === true) {
    const message = `1 of several copies is not the base at the start; use topK 2, numExperts 1, or ${ZERO_DOWN}`;
    problems.push({ path: 'topK', message });
  }
  return problems;
}

function tokenProblems({ tokenRows }: MoeCtConfig, vocabSize: number): ConfigProblem[] {
  const path = 'tokenRows';
  if (tokenRows === 'used') {
    const message =
      "is 'used', which a training run replaces by the tokens of its texts; attaching needs the list";
    return [{ path, message }];
  }
  const last = tokenRows?.at(-1) ?? 0;
  return last < vocabSize ? [] : [{ path, message: `names token ${last}; this base has ${vocabSize}` }];
}

/** The configured fields, merged over the defaults if the component is the default one. */
const withDefaults = (given: ComponentConfig, defaults: ComponentConfig): ComponentConfig => ({
  ...(given.type === defaults.type && defaults),
  ...given,
});

/** Fills in defaults, makes the components and finds the sites. Throws InvalidConfigError with every problem. */
export function resolveMoeCt(
  base: BaseModel,
  given: Partial<MoeCtConfig>,
  extra: MoeComponents,
): ResolvedMoeCt {
  // a single expert leaves only topK 1
  const implied = given.numExperts === 1 && given.topK === undefined ? { topK: 1 } : {};
  const { options, problems } = readOptions<MoeCtConfig>({ ...given, ...implied }, fields);
  const fail = (): never => {
    throw new InvalidConfigError('moe-ct', problems);
  };
  if (problems.length > 0) fail();
  const layers = chosenLayers(options.layers, base.numLayers, problems);
  const sites = base.sites.filter(({ kind, layer }) => kind === 'ffn' && layers.includes(layer!));
  if (problems.length === 0 && sites.length !== layers.length) {
    problems.push({ path: 'layers', message: `only ${sites.length} of these layers have an FFN site` });
  }
  problems.push(...tokenProblems(options, base.vocabSize));
  const { router, expert, fusion, renamedFusion } = componentsOf(extra);
  const config = {
    ...options,
    expert: expertConfig(base, sites[0], options.expert, problems),
    fusion: withDefaults(renamedFusion(options.fusion), MOE_CT_DEFAULTS.fusion),
    headDelta: headRank(options, base.vocabSize),
    attentionAlpha: options.attentionAlpha ?? 2 * options.attentionRank,
  };
  const made = {
    router:
      config.numExperts === 1 ? null : attempt('router', problems, () => router(config.router, config.topK)),
    expert: attempt('expert', problems, () => expert(config.expert)),
    fusion: attempt('fusion', problems, () => fusion(config.fusion)),
  };
  problems.push(...jointProblems(config, made.expert));
  if (problems.length > 0 || made.expert === null || made.fusion === null) return fail();
  return { config, router: made.router, expert: made.expert, fusion: made.fusion, sites };
}
