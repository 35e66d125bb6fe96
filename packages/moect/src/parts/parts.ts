import type { Combination, Method } from '@moect/core';
import type { MoeComponents } from '@moect/experts';
import type { Preset } from '../presets/preset.ts';

export interface CombinationOptions {
  /** Weight of the base before the first token. */
  readonly basePrior: number;
}

/** Makes a combination of base and packs. */
export type CombinationFactory = (options: CombinationOptions) => Combination;

/**
 * Parts of your own, by the names under which configurations, extension folders and flags call them; one named like a
 * built-in part stands in its place. Routers, experts and fusions are chosen in the settings of the method `moe-ct`
 * (`router: { type: 'mine' }`).
 */
export interface Parts extends MoeComponents {
  readonly methods?: Readonly<Record<string, Method>>;
  readonly combinations?: Readonly<Record<string, CombinationFactory>>;
  readonly presets?: readonly Preset[];
  /** The module that they come from: written into extensions, and asked for where it is missing. */
  readonly from?: string;
}

/** Kinds of parts without which an extension cannot be used. */
export const PART_KINDS = ['router', 'expert', 'fusion', 'method', 'combination'] as const;

export type PartKind = (typeof PART_KINDS)[number];

/** A part that does not come with moect. */
export interface OwnPart {
  readonly kind: PartKind;
  readonly name: string;
  /** The module that it comes from, where that is known. */
  readonly from: string | null;
}

/** Keys of {@link Parts} and the kinds that they hold. */
export const PART_KEYS = {
  routers: 'router',
  experts: 'expert',
  fusions: 'fusion',
  methods: 'method',
  combinations: 'combination',
} as const satisfies Readonly<Record<string, PartKind>>;
