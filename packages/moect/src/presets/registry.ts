import { type Method, NoSuchComponentError, type Settings } from '@moect/core';
import { fullCt, loraCt, type MoeComponents, moeCt } from '@moect/experts';
import { didYouMean } from '../config/did-you-mean.ts';
import { ctPreset, ctReplayPreset } from './ct.ts';
import { loraCtPreset } from './lora-ct.ts';
import { moeCtPreset } from './moe-ct.ts';
import { moeCtMixturePreset } from './moe-ct-mixture.ts';
import { moeCtPaperPreset } from './moe-ct-paper.ts';
import type { Preset } from './preset.ts';

/** The presets that come with moect. */
export const presets: readonly Preset[] = [
  moeCtPreset,
  moeCtMixturePreset,
  moeCtPaperPreset,
  ctPreset,
  ctReplayPreset,
  loraCtPreset,
];

export interface Additions extends MoeComponents {
  /** Under the name by which presets and extension folders call them. */
  readonly methods?: Readonly<Record<string, Method>>;
  readonly presets?: readonly Preset[];
}

/** Methods and presets by name. A plain object: two of them know nothing of each other. */
export interface Moect {
  readonly methods: ReadonlyMap<string, Method>;
  readonly presets: ReadonlyMap<string, Preset>;
  /** Throws NoSuchComponentError. */
  method(name: string): Method;
  /** Throws NoSuchComponentError. */
  preset(name: string): Preset;
}

function lookUp<T>(kind: string, name: string, map: ReadonlyMap<string, T>): T {
  const found = map.get(name);
  if (found !== undefined) return found;
  const names = [...map.keys()];
  const hint = didYouMean(name, names);
  throw new NoSuchComponentError(kind, name, names, hint.includes('Known') ? '' : hint.trim());
}

/**
 * The built-in methods and presets with additions of your own. Routers, experts and fusions are named in the
 * configuration of the method `moe-ct` (`router: { type: 'mine' }`); those named like a built-in one replace it.
 */
export function createMoect(additions: Additions = {}): Moect {
  const { methods: more = {}, presets: morePresets = [], ...components } = additions;
  const builtIn: readonly Method[] = [moeCt(components), loraCt(), fullCt()] as readonly Method[];
  const methods = new Map([
    ...builtIn.map((method) => [method.name, method] as const),
    ...Object.entries(more),
  ]);
  const byName = new Map([...presets, ...morePresets].map((preset) => [preset.name, preset]));
  return {
    methods,
    presets: byName,
    method: (name) => lookUp('method', name, methods),
    preset: (name) => lookUp('preset', name, byName),
  };
}

export const defaultMoect: Moect = createMoect();

/** A built-in method by name: `moe-ct`, `lora-ct` or `ct`. Throws NoSuchComponentError. */
export function createMethod(name: string): Method {
  return defaultMoect.method(name);
}

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
