import type { RoutingStatistics } from '@moect/core';
import type {
  Interval,
  LossCurve,
  ReportGain,
  ReportLogits,
  ReportMeanChange,
  ReportMixtureBound,
  ReportPosterior,
  ReportRetention,
  ReportSample,
} from './report-parts.ts';

export interface ReportLanguage {
  /** For example `swh_Latn`. */
  readonly code: string;
  /** For people; default: the code. */
  readonly name?: string;
  /** `old`: the base knew it; `new`: trained; `unseen`: neither. */
  readonly role: 'old' | 'new' | 'unseen';
  readonly heldOutDocuments: number;
  readonly heldOutBytes: number;
  /** Tokens of this language in one training run; 0 for languages not trained on. */
  readonly trainedTokens: number;
  /** Source of the held-out text, for example `UDHR, 7 articles`. */
  readonly domain?: string;
  readonly bytesPerToken?: number;
}

/** Bits per byte on held-out text; lower is better. */
export interface ReportScore {
  readonly before: number;
  readonly after: number;
  /** after − before */
  readonly change: number;
  /** Interval of the change. */
  readonly ci95: Interval;
  /** after ÷ before − 1 */
  readonly relativeChange?: number;
  readonly relativeCi95?: Interval;
  /** The intervals rest on fewer than 20 documents or clusters. */
  readonly fewDocuments?: boolean;
  /** False for a single document, whose interval has no width and says nothing. */
  readonly hasInterval?: boolean;
}

/** One training run: a method with one seed. */
export interface ReportMethod {
  /** `moe-ct`, `moe-ct-paper`, `moe-ct-mixture`, `ct`, `ct-replay`, `lora-ct`, `moe-lpr`, `llama-pro`, … */
  readonly name: string;
  readonly seed: number;
  readonly trainableParameters: number;
  readonly trainedTokens: number;
  readonly tokensPerSecond: number;
  /** By language code. */
  readonly bitsPerByte: Readonly<Record<string, ReportScore>>;
  /** Label for people; default: the name. */
  readonly label?: string;
  /** One sentence on what it does. */
  readonly description?: string;
  readonly learningRate?: number;
  /** Share of the trained tokens that is old-language text. */
  readonly replayShare?: number;
  /** Bytes that are shipped beside the base. */
  readonly packBytes?: number;
  readonly retention?: ReportRetention;
  readonly gain?: ReportGain;
  readonly transfer?: ReportMeanChange;
  /** Against the base's logits, by language code. */
  readonly logits?: Readonly<Record<string, ReportLogits>>;
  /** Bayesian mixture only: its bound in bits per document, and the highest measured cost. */
  readonly mixtureBound?: ReportMixtureBound;
  /** Mixture only: share of tokens that the base predicted alone, by language code. */
  readonly baseOnlyShare?: Readonly<Record<string, number>>;
  /** Mixture only. */
  readonly posterior?: readonly ReportPosterior[];
  /** By site name, then by language code. */
  readonly gates?: RoutingStatistics;
  readonly losses?: readonly LossCurve[];
  readonly samples?: readonly ReportSample[];
}

/** `report.json`: what `compare` and the demo measured. */
export interface Report {
  readonly schema: 'moect-report/1';
  /** Wall-clock time of everything reported. */
  readonly seconds: number;
  readonly peakRssBytes: number;
  readonly backend: { readonly name: string; readonly threads: number; readonly detail: string };
  readonly base: {
    readonly parameters: number;
    /** Digest of all base parameters before and after training. */
    readonly sha256Before: string;
    readonly sha256After: string;
    /** Folder name or hub id, for people. */
    readonly id?: string;
  };
  readonly languages: readonly ReportLanguage[];
  readonly methods: readonly ReportMethod[];
  readonly title?: string;
  /** ISO 8601. */
  readonly createdAt?: string;
  /** Settings of the bootstrap intervals. */
  readonly bootstrap?: {
    readonly resamples: number;
    readonly seed: number;
    readonly level: number;
    readonly unit: 'document' | 'cluster';
  };
  /** Further notes for readers, one sentence each. */
  readonly notes?: readonly string[];
}
