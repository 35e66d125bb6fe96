import type { Document } from '@moect/core';

/** Text of one language: what is trained on (or replayed), and what is measured on. */
export interface RealLanguage {
  readonly code: string;
  readonly role: 'new' | 'old';
  readonly train: readonly Document[];
  readonly heldOut: readonly Document[];
  /** Where it comes from, for people. */
  readonly source: string;
}

/** The same in files, for the processes that train and measure. */
export interface LanguageFiles {
  readonly code: string;
  readonly role: 'new' | 'old';
  readonly train: string;
  readonly heldOut: string;
}
