import type { BaseIdentity, Settings } from '@moect/core';
import type { CheckedSettings } from './schema.ts';

/** A language of a run, without its text. */
export interface RunLanguage {
  readonly code: string;
  readonly role: 'new' | 'old';
  /** Absolute paths; none where the text was in memory. */
  readonly files?: readonly string[];
  /** How often it is drawn among its role. Default: new languages by size, old ones equally. */
  readonly weight?: number;
}

type Filled<T, K extends keyof T> = Omit<T, K> & { readonly [Key in K]-?: NonNullable<T[Key]> };

/** A run as it is trained: nothing is left open. */
export interface ResolvedRun extends Pick<CheckedSettings, 'extension' | 'cache'> {
  readonly baseIdentity: BaseIdentity;
  readonly preset: string;
  /** How the extension is used when nothing else is asked for. */
  readonly combine: string;
  readonly method: {
    readonly name: string;
    /** What differs from the preset. */
    readonly overrides: Settings;
    /** Defaults filled in. */
    readonly config: Settings;
  };
  readonly languages: readonly RunLanguage[];
  /** Share of the sequences in old languages. */
  readonly replay: { readonly share: number };
  readonly data: Filled<CheckedSettings['data'], 'sequenceLength' | 'endOfDocument' | 'heldOut'>;
  readonly training: Filled<
    CheckedSettings['training'],
    'steps' | 'batchSize' | 'learningRate' | 'schedule' | 'warmup' | 'finalRate' | 'checkpointEvery'
  >;
}
