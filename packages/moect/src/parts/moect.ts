import { type Combination, type Method, NoSuchComponentError, type Settings } from '@moect/core';
import { builtInCombinations, type ComponentFactory, fullCt, loraCt, moeCt } from '@moect/experts';
import type { ModelFamily } from '@moect/models';
import { didYouMean } from '../config/did-you-mean.ts';
import { ctPreset, ctReplayPreset } from '../presets/ct.ts';
import { loraCtPreset } from '../presets/lora-ct.ts';
import { moeCtPreset } from '../presets/moe-ct.ts';
import { moeCtMixturePreset } from '../presets/moe-ct-mixture.ts';
import { moeCtPaperPreset } from '../presets/moe-ct-paper.ts';
import type { Preset } from '../presets/preset.ts';
import { checkParts } from './check-parts.ts';
import { type OwnPart, PART_KEYS, type PartKind, type Parts } from './parts.ts';

const builtInPresets: readonly Preset[] = [
  moeCtPreset,
  moeCtMixturePreset,
  moeCtPaperPreset,
  ctPreset,
  ctReplayPreset,
  loraCtPreset,
];

/** Use of one extension inside the layers, without a combination. */
export const GATE = 'gate';

/** Registry of all named parts. A plain object: two registries are independent. */
export interface Moect {
  readonly presets: ReadonlyMap<string, Preset>;
  readonly methods: ReadonlyMap<string, Method>;
  /** Factories, which receive `basePrior`. */
  readonly combinations: ReadonlyMap<string, ComponentFactory<Combination>>;
  /** Families of your own; they are asked before the built-in ones. */
  readonly families: readonly ModelFamily[];
  /** Parts added to the built-in ones. */
  readonly ownParts: readonly OwnPart[];
  /** Throws NoSuchComponentError, as do the following. */
  preset(name: string): Preset;
  method(name: string): Method;
  combination(name: string): ComponentFactory<Combination>;
}

function lookUp<T>(kind: string, name: string, map: ReadonlyMap<string, T>, more: readonly string[] = []): T {
  const found = map.get(name);
  if (found !== undefined) return found;
  const names = [...more, ...map.keys()];
  const hint = didYouMean(name, names);
  throw new NoSuchComponentError(kind, name, names, hint.includes('Known') ? '' : hint.trim());
}

const entriesOf = <T>(given: readonly Parts[], key: keyof Parts): [string, T][] =>
  given.flatMap((parts) => Object.entries((parts[key] ?? {}) as Record<string, T>));

function ownParts(given: readonly Parts[]): OwnPart[] {
  return given.flatMap((parts) => {
    const part = (kind: PartKind, name: string): OwnPart => ({ kind, name, from: parts.from ?? null });
    const keys = Object.entries(PART_KEYS) as [keyof typeof PART_KEYS, PartKind][];
    return [
      ...(parts.families ?? []).map(({ name }) => part('family', name)),
      ...keys.flatMap(([key, kind]) => Object.keys(parts[key] ?? {}).map((name) => part(kind, name))),
    ];
  });
}

/** The built-in methods, presets and combinations with parts of your own. Throws InvalidConfigError. */
export function createMoect(...given: readonly Parts[]): Moect {
  for (const parts of given) checkParts(parts, 'createMoect');
  const components = {
    routers: Object.fromEntries(entriesOf(given, 'routers')),
    experts: Object.fromEntries(entriesOf(given, 'experts')),
    fusions: Object.fromEntries(entriesOf(given, 'fusions')),
  } as object;
  const builtIn: readonly Method[] = [moeCt(components), loraCt(), fullCt()] as readonly Method[];
  const methods = new Map<string, Method>([
    ...builtIn.map((method) => [method.name, method] as const),
    ...entriesOf<Method>(given, 'methods'),
  ]);
  const combinations = new Map([
    ...Object.entries(builtInCombinations),
    ...entriesOf<ComponentFactory<Combination>>(given, 'combinations'),
  ]);
  const presets = [...builtInPresets, ...given.flatMap((parts) => parts.presets ?? [])];
  const byName = new Map(presets.map((preset) => [preset.name, preset]));
  return {
    presets: byName,
    methods,
    combinations,
    families: given.flatMap((parts) => parts.families ?? []),
    ownParts: ownParts(given),
    preset: (name) => lookUp('preset', name, byName),
    method: (name) => lookUp('method', name, methods),
    combination: (name) => lookUp('combination', name, combinations, [GATE]),
  };
}

export const defaultMoect: Moect = createMoect();

const isObject = (value: unknown): value is Settings =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * Settings of a method with overrides on top. Inside a component (an object with a `type`) keys are merged as long as
 * the type stays the same, so that `fusion: { gateThreshold: 0.2 }` changes nothing else.
 */
export function mergeSettings(settings: Settings, overrides: Settings): Settings {
  const merged: Record<string, Settings[string]> = { ...settings };
  for (const [key, value] of Object.entries(overrides)) {
    const before = settings[key];
    const isSameKind =
      isObject(before) &&
      isObject(value) &&
      before['type'] !== undefined &&
      (value['type'] === undefined || value['type'] === before['type']);
    merged[key] = isSameKind ? { ...before, ...value } : value;
  }
  return merged;
}
