import type { Document } from '@moect/core';
import type { SettingsOrigin } from '../config/key-path.ts';
import type { RunLanguage } from '../config/resolved-run.ts';
import type { CheckedSettings } from '../config/schema.ts';

/** A language with all of its text. */
export interface LanguageDocuments extends RunLanguage {
  readonly documents: readonly Document[];
}

/** Text that is measured while and after training. */
export interface EvaluationLanguage {
  readonly code: string;
  readonly role: 'new' | 'old' | 'unseen';
  readonly documents: readonly Document[];
  /** Absolute paths; none where the text was in memory. */
  readonly files?: readonly string[];
}

/** A run as it was asked for, whoever spelled it: a file, flags or a program. */
export interface RunInput {
  readonly settings: CheckedSettings;
  readonly languages: readonly LanguageDocuments[];
  /** Share of the sequences in old languages. Default: the preset's, more of it where the new text is scarce. */
  readonly replayShare?: number | undefined;
  /** Default: the held-out share of the training languages. */
  readonly evaluation?: readonly EvaluationLanguage[] | undefined;
  /** Of a GPU, to stay within. Default: not checked. */
  readonly gpuMemoryBytes?: number | undefined;
  readonly origin: SettingsOrigin;
}
