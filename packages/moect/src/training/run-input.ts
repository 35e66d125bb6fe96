import type { Document } from '@moect/core';
import type { ReadReport } from '@moect/data';
import type { SettingsOrigin } from '../config/key-path.ts';
import type { RunLanguage } from '../config/resolved-run.ts';
import type { CheckedSettings } from '../config/schema.ts';

/** A language with all of its text. */
export interface LanguageDocuments extends RunLanguage {
  readonly documents: readonly Document[];
}

/** Text for evaluation during and after training. */
export interface EvaluationLanguage {
  readonly code: string;
  readonly role: 'new' | 'old' | 'unseen';
  readonly documents: readonly Document[];
  /** Absolute paths; none for text from memory. */
  readonly files?: readonly string[];
}

/** A requested run, from a file, flags or a program. */
export interface RunInput {
  readonly settings: CheckedSettings;
  readonly languages: readonly LanguageDocuments[];
  /** Share of the sequences in old languages. Default: that of the preset, or more if the new text is scarce. */
  readonly replayShare?: number | undefined;
  /** Default: the held-out share of the training languages. */
  readonly evaluation?: readonly EvaluationLanguage[] | undefined;
  /** Limit on GPU memory. Default: not checked. */
  readonly gpuMemoryBytes?: number | undefined;
  readonly origin: SettingsOrigin;
  /** Account of the reading, one report a file. */
  readonly reading?: readonly ReadReport[] | undefined;
  /** Choices made while reading. */
  readonly notes?: readonly string[] | undefined;
}
