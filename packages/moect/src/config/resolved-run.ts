import type { BaseIdentity, Settings } from '@moect/core';
import type { CheckedSettings } from './schema.ts';

/** A language of a run, without its text. */
export interface RunLanguage {
  readonly code: string;
  readonly role: 'new' | 'old';
  /** Absolute paths; none for text from memory. */
  readonly files?: readonly string[];
  /** Frequency among languages of its role. Default: new languages by size, old ones equally. */
  readonly weight?: number;
}

type Filled<T, K extends keyof T> = Omit<T, K> & { readonly [Key in K]-?: NonNullable<T[Key]> };

/** A run with every setting resolved. */
export interface ResolvedRun extends Pick<CheckedSettings, 'extension'> {
  /** Folder of hidden states; false where none was wanted. */
  readonly cache?: CheckedSettings['cache'];
  readonly baseIdentity: BaseIdentity;
  readonly preset: string;
  /** Default use of the extension. */
  readonly combine: string;
  /** Size of the pack as a share of the base's parameters; null: what the preset takes. */
  readonly packSize: number | null;
  /** Whether the pack counts n-grams of the new text. */
  readonly ngrams: boolean;
  readonly method: {
    readonly name: string;
    /** Changes to the preset. */
    readonly overrides: Settings;
    /** Settings with defaults filled in. */
    readonly config: Settings;
  };
  readonly languages: readonly RunLanguage[];
  /** Share of the sequences in old languages. */
  readonly replay: { readonly share: number };
  readonly data: Filled<
    CheckedSettings['data'],
    'sequenceLength' | 'prefixToken' | 'endOfDocument' | 'heldOut'
  >;
  readonly training: Filled<
    CheckedSettings['training'],
    | 'steps'
    | 'batchSize'
    | 'accumulation'
    | 'recompute'
    | 'sampledSoftmax'
    | 'learningRate'
    | 'betas'
    | 'schedule'
    | 'warmup'
    | 'finalRate'
    | 'checkpointEvery'
    | 'keep'
  >;
}
