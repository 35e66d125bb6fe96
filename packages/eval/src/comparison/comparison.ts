import type { Interval } from '../statistics/intervals.ts';
import type { NonInferiority } from '../statistics/non-inferiority.ts';

/** `old`: the base knew the language; `new`: it was trained; `unseen`: neither. */
export type ComparisonRole = 'old' | 'new' | 'unseen';

/** One language before and after; bits per byte, lower is better. */
export interface LanguageComparison {
  readonly language: string;
  readonly role: ComparisonRole;
  readonly documents: number;
  readonly bytes: number;
  readonly bytesPerToken: number;
  readonly before: number;
  readonly after: number;
  /** after − before */
  readonly change: number;
  readonly ci95: Interval;
  /** after ÷ before − 1 */
  readonly relativeChange: number;
  readonly relativeCi95: Interval;
  /** Fewer than 20 documents or clusters: the intervals are rough. */
  readonly fewDocuments: boolean;
  /** False for a single document or cluster, whose interval has no width and says nothing. */
  readonly hasInterval: boolean;
  /** The document that lost most (bits, negative where every one gained). */
  readonly worstDocument: { readonly id: string; readonly bits: number };
}

export interface Retention {
  /** The old language with the largest relative change, that change and its interval. */
  readonly worstLanguage: string;
  readonly relativeChange: number;
  readonly ci95: Interval;
  readonly bound?: number;
  /** Every old language is below the bound, corrected for their number. Only with a bound. */
  readonly kept?: boolean;
  readonly languages?: readonly NonInferiority[];
}

export interface MeanChange {
  /** Bits per byte won, averaged over languages: positive is better. */
  readonly mean: number;
  readonly ci95: Interval;
  readonly fewDocuments: boolean;
}

export interface Gain extends MeanChange {
  /** Gain ÷ the reference's gain, both recomputed on the same resamples. */
  readonly ratio?: { readonly against: string; readonly value: number; readonly ci95: Interval };
}

/** A part is null where no language has its role. */
export interface Comparison {
  readonly languages: readonly LanguageComparison[];
  readonly retention: Retention | null;
  readonly gain: Gain | null;
  readonly transfer: MeanChange | null;
  readonly bootstrap: {
    readonly resamples: number;
    readonly seed: number;
    readonly level: number;
    readonly unit: 'document' | 'cluster';
  };
}
