import type { DocumentScore, LanguageRole, RoutingStatistics, Settings, StepMetrics } from '@moect/core';
import type { LogitComparison, MixtureBound, PosteriorCurve } from '@moect/eval';
import type { FrozenStorage } from '@moect/tensor';

/** The task of a child process. */
export interface Job {
  /** `base`: score the untouched base. */
  readonly method: string;
  readonly seed: number;
  /** Overrides the method's own learning rate. */
  readonly learningRate?: number;
  /** Settings of the method that override its own. */
  readonly config?: Settings;
  readonly tokens: number;
  /** Storage of the base's matrices. */
  readonly baseStorage: FrozenStorage;
  readonly on: 'test' | 'dev';
  /** Folder for the language pack; null: not kept. */
  readonly packFolder: string | null;
}

export interface StepRecord {
  readonly step: number;
  readonly lossByLanguage: StepMetrics['lossByLanguage'];
}

export interface JobResult {
  readonly job: Job;
  readonly baseSha256: { readonly before: string; readonly after: string };
  readonly backend: { readonly name: string; readonly threads: number; readonly detail: string };
  readonly baseParameters: number;
  readonly trainableParameters: number;
  readonly trainedTokens: number;
  readonly trainedTokensByLanguage: Readonly<Record<string, number>>;
  readonly trainingSeconds: number;
  readonly seconds: number;
  readonly peakRssBytes: number;
  readonly packBytes: number | null;
  readonly steps: readonly StepRecord[];
  readonly scores: readonly DocumentScore[];
  /** Scores without the gate threshold; null if there is none. */
  readonly scoresWithoutThreshold: readonly DocumentScore[] | null;
  /** Scores of the pack alone, before it is mixed with the base. */
  readonly packScores: readonly DocumentScore[] | null;
  /** Mixture only: the same pack where each document's language is known. */
  readonly known: KnownResult | null;
  readonly mixtureBound: MixtureBound | null;
  readonly posterior: readonly PosteriorCurve[] | null;
  readonly routing: RoutingStatistics | null;
  readonly oldLogits: Readonly<Record<string, LogitComparison>> | null;
  readonly samples: readonly Sample[];
}

export interface KnownResult {
  readonly scores: readonly DocumentScore[];
  /** Logits of old text after training against those of the base loaded anew. */
  readonly oldLogits: Readonly<Record<string, LogitComparison>>;
}

export interface Sample {
  readonly language: string;
  readonly role: LanguageRole;
  readonly prompt: string;
  readonly continuation: string;
}

/** Messages from child to parent. */
export type JobMessage =
  | { readonly kind: 'progress'; readonly done: number; readonly total: number; readonly phase: string }
  | { readonly kind: 'result'; readonly result: JobResult }
  | { readonly kind: 'error'; readonly message: string };
