import type { Combination, Method } from '@moect/core';
import type { ComponentFactory, MoeComponents } from '@moect/experts';
import type { ModelFamily } from '@moect/models';
import type { Preset } from '../presets/preset.ts';

/**
 * Parts of your own, by their names in configurations, extension folders and flags; a part named like a built-in one
 * replaces it. Routers, experts and fusions are chosen in the settings of the method `moe-ct`
 * (`router: { type: 'mine' }`).
 */
export interface Parts extends MoeComponents {
  readonly methods?: Readonly<Record<string, Method>>;
  /** Combinations of base and packs per document; their factories receive `basePrior`, the weight of the base before the first token. */
  readonly combinations?: Readonly<Record<string, ComponentFactory<Combination>>>;
  /** Architectures of base models, asked before the built-in ones. */
  readonly families?: readonly ModelFamily[];
  readonly presets?: readonly Preset[];
  /** Module of the parts: extensions record it, and messages name it if it is missing. */
  readonly from?: string;
}

/** Kinds of parts without which an extension cannot be used. */
export const PART_KINDS = ['family', 'router', 'expert', 'fusion', 'method', 'combination'] as const;

export type PartKind = (typeof PART_KINDS)[number];

/** A part that does not come with moect. */
export interface OwnPart {
  readonly kind: PartKind;
  readonly name: string;
  /** Module of the part, if known. */
  readonly from: string | null;
}

/** Keys of {@link Parts} that hold parts by name. */
export const PART_KEYS = {
  routers: 'router',
  experts: 'expert',
  fusions: 'fusion',
  methods: 'method',
  combinations: 'combination',
} as const satisfies Readonly<Record<string, PartKind>>;
