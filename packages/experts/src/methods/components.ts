import type { Combination, Expert, Fusion, Json, Router } from '@moect/core';
import { NoSuchComponentError } from '@moect/core';
import { topKRouter } from '@moect/router';
import { bayesianMixture } from '../combinations/bayesian-mixture.ts';
import { knownLanguage } from '../combinations/known-language.ts';
import { alwaysBase, alwaysOn, fixedFusion } from '../fusions/constant-fusion.ts';
import { guardedGate } from '../fusions/guarded-gate.ts';
import { continuousGate, discreteGate } from '../fusions/paper-gates.ts';
import { mlpExpert } from '../mlp-expert.ts';
import { swigluExpert } from '../swiglu-expert.ts';

/** `type` names the component, the other keys are its options. */
export type ComponentConfig = { readonly type: string; readonly [option: string]: Json | undefined };

// biome-ignore lint/suspicious/noExplicitAny: each factory checks its own options at run time
export type ComponentFactory<T> = (options: any) => T;

/** Factories by name; a caller's own factories are added to the built-in ones. */
export type ComponentFactories<T> = Readonly<Record<string, ComponentFactory<T>>>;

/** The parts of a mixture of experts, by the `type` of their configuration. */
export interface MoeComponents {
  readonly routers?: ComponentFactories<Router>;
  readonly experts?: ComponentFactories<Expert>;
  readonly fusions?: ComponentFactories<Fusion>;
}

/** Components of this package. */
export const builtInComponents: Required<MoeComponents> = {
  routers: { 'top-k': topKRouter },
  experts: { swiglu: swigluExpert, mlp: mlpExpert },
  fusions: {
    guarded: guardedGate,
    continuous: continuousGate,
    discrete: discreteGate,
    fixed: fixedFusion,
    'always-on': alwaysOn,
    'always-base': alwaysBase,
  },
};

/** Built-in combinations of base and packs, by name; each factory takes options of its own. */
export const builtInCombinations: ComponentFactories<Combination> = {
  known: () => knownLanguage(),
  mixture: bayesianMixture,
};

/** Former names of options of built-in components: both names are read, and the new one is kept. */
const formerNames: ReadonlyMap<unknown, Readonly<Record<string, string>>> = new Map(
  [guardedGate, continuousGate].map((factory) => [factory, { snap: 'gateThreshold' }] as const),
);

function factoryOf<T>(kind: string, factories: ComponentFactories<T>, type: string): ComponentFactory<T> {
  if (Object.hasOwn(factories, type)) return factories[type]!;
  throw new NoSuchComponentError(kind, String(type), Object.keys(factories));
}

/**
 * A combination by name. Throws NoSuchComponentError, and the errors of its factory.
 * @param extra factories of your own; those named like a built-in one replace it
 */
export function createCombination(
  name: string,
  options: Readonly<Record<string, Json | undefined>> = {},
  extra: ComponentFactories<Combination> = {},
): Combination {
  return factoryOf('combination', { ...builtInCombinations, ...extra }, name)(options);
}

/** Makes components from their configuration. Throws NoSuchComponentError, and factories' errors. */
export function componentsOf(extra: MoeComponents): {
  router(config: ComponentConfig, topK: number): Router;
  expert(config: ComponentConfig): Expert;
  fusion(config: ComponentConfig): Fusion;
  /** A fusion's configuration with former names of options replaced. */
  renamedFusion(config: ComponentConfig): ComponentConfig;
} {
  const routers = { ...builtInComponents.routers, ...extra.routers };
  const experts = { ...builtInComponents.experts, ...extra.experts };
  const fusions = { ...builtInComponents.fusions, ...extra.fusions };
  return {
    router: ({ type, ...options }, topK) => factoryOf('router', routers, type)({ ...options, topK }),
    expert: ({ type, ...options }) => factoryOf('expert', experts, type)(options),
    fusion: ({ type, ...options }) => factoryOf('fusion', fusions, type)(options),
    renamedFusion: (config) => renamed(config, formerNames.get(fusions[config.type])),
  };
}

/** A former name wins: if both are present, an older file was merged over a current preset. */
function renamed(config: ComponentConfig, names: Readonly<Record<string, string>> = {}): ComponentConfig {
  const given = Object.keys(names).filter((name) => config[name] !== undefined);
  const { ...result } = config as Record<string, Json | undefined>;
  for (const name of given) {
    result[names[name]!] = result[name];
    delete result[name];
  }
  return result as ComponentConfig;
}
