import type { DocumentScore } from '@moect/core';
import type { Comparison } from '@moect/eval';
import type { Pack } from '../extension/pack.ts';

/** Scores of a pack and its base on the same text. */
export interface PackComparison {
  readonly pack: Pack;
  readonly combine: string;
  readonly comparison: Comparison;
  readonly scores: readonly DocumentScore[];
  /** Scores of the base on the same documents. */
  readonly baseScores: readonly DocumentScore[];
}
