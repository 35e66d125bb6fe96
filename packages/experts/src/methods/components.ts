import type { Expert, Fusion, Json, Router } from '@moect/core';
import { NoSuchComponentError } from '@moect/core';
import { topKRouter } from '@moect/router';
import { alwaysBase, alwaysOn, fixedFusion } from '../fusions/constant-fusion.ts';
import { guardedGate } from '../fusions/guarded-gate.ts';
import { continuousGate, discreteGate } from '../fusions/paper-gates.ts';
import { mlpExpert } from '../mlp-expert.ts';
import { swigluExpert } from '../swiglu-expert.ts';

/** `type` names the component, the other keys are its options. */
export type ComponentConfig = { readonly type: string; readonly [option: string]: Json | undefined };

// biome-ignore lint/suspicious/noExplicitAny: each factory checks its own options at run time
type Factory<T> = (options: any) => T;

/** Factories by type name; those given to a method come on top of the built-in ones. */
export interface MoeComponents {
  readonly routers?: Readonly<Record<string, Factory<Router>>>;
  readonly experts?: Readonly<Record<string, Factory<Expert>>>;
  readonly fusions?: Readonly<Record<string, Factory<Fusion>>>;
}

const builtIn = {
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
} satisfies Required<MoeComponents>;

function create<T>(
  kind: string,
  factories: Readonly<Record<string, Factory<T>>>,
  config: ComponentConfig,
  more = {},
): T {
  const { type, ...options } = config;
  const factory = Object.hasOwn(factories, type) ? factories[type] : undefined;
  if (factory === undefined) throw new NoSuchComponentError(kind, String(type), Object.keys(factories));
  return factory({ ...options, ...more });
}

/** Makes components from their configuration. Throws NoSuchComponentError, and what the factories throw. */
export function componentsOf(extra: MoeComponents): {
  router(config: ComponentConfig, topK: number): Router;
  expert(config: ComponentConfig): Expert;
  fusion(config: ComponentConfig): Fusion;
} {
  const routers = { ...builtIn.routers, ...extra.routers };
  const experts = { ...builtIn.experts, ...extra.experts };
  const fusions = { ...builtIn.fusions, ...extra.fusions };
  return {
    router: (config, topK) => create<Router>('router', routers, config, { topK }),
    expert: (config) => create<Expert>('expert', experts, config),
    fusion: (config) => create<Fusion>('fusion', fusions, config),
  };
}
