import type { BaseIdentity, Json } from '@moect/core';
import type { BackendName, FrozenStorage } from '@moect/tensor';
import type { CombineName } from '../presets/preset.ts';

export interface RunLanguage {
  readonly code: string;
  readonly role: 'new' | 'old';
  /** Absolute paths. */
  readonly files: readonly string[];
  /** null: new languages by size, old ones equally. */
  readonly weight: number | null;
}

export interface EvaluationLanguage {
  readonly code: string;
  readonly role: 'new' | 'old' | 'unseen';
  readonly files: readonly string[];
}

/** A run as configured. null: follows from base and data, see {@link ResolvedRun}. */
export interface RunPlan {
  readonly schema: 'moect-run/1';
  /** Absolute path. */
  readonly base: string;
  readonly baseStorage: FrozenStorage;
  readonly preset: string;
  readonly method: { readonly name: string; readonly overrides: Readonly<Record<string, Json | undefined>> };
  readonly languages: readonly RunLanguage[];
  /** null: the preset's share, more of it where the new text is scarce. */
  readonly replay: { readonly share: number | null };
  readonly data: {
    readonly sequenceLength: number | null;
    readonly format: 'lines' | 'blocks' | 'whole' | 'jsonl' | null;
    readonly textField: string;
    readonly endOfDocument: boolean | null;
    readonly heldOut: number;
  };
  readonly training: {
    readonly steps: number | null;
    readonly tokens: number | null;
    readonly epochs: number | null;
    readonly batchSize: number | null;
    readonly accumulation: number;
    readonly learningRate: number | null;
    readonly schedule: 'cosine' | 'linear' | 'constant';
    readonly warmup: number;
    readonly finalRate: number;
    readonly maxGradNorm: number;
    readonly weightDecay: number;
    readonly seed: number;
    readonly checkpointEvery: number | null;
    readonly evaluateEvery: number | null;
    readonly statisticsEvery: number | null;
    readonly recompute: boolean;
  };
  /** null: the held-out share of the training languages. */
  readonly evaluation: { readonly languages: readonly EvaluationLanguage[] } | null;
  readonly extension: { readonly dtype: 'f32' | 'bf16'; readonly license: string | null };
  /** Absolute folder; null: none. */
  readonly cache: { readonly folder: string; readonly maxBytes: number | null } | null;
  readonly backend: {
    readonly name: 'auto' | BackendName;
    readonly threads: number | null;
    readonly gpuMemoryBytes: number | null;
  };
  /** Absolute path. */
  readonly output: string;
}

/** Nothing is left open. */
export interface ResolvedRun extends RunPlan {
  readonly baseIdentity: BaseIdentity;
  readonly combine: CombineName;
  readonly method: RunPlan['method'] & { readonly config: Readonly<Record<string, Json | undefined>> };
  readonly replay: { readonly share: number };
  readonly data: RunPlan['data'] & { readonly sequenceLength: number; readonly endOfDocument: boolean };
  readonly training: RunPlan['training'] & {
    readonly steps: number;
    readonly batchSize: number;
    readonly learningRate: number;
    readonly checkpointEvery: number;
  };
}
