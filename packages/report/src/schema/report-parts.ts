// Measurements as a report keeps them: results of `@moect/eval` fit, and so do others of the same shape.

/** Ends of a 95 % interval. */
export type Interval = readonly [low: number, high: number];

/** Decrease of bits per byte, averaged over languages: positive is better. */
export interface ReportMeanChange {
  readonly mean: number;
  readonly ci95: Interval;
  /** The interval rests on fewer than 20 documents or clusters. */
  readonly fewDocuments: boolean;
}

export interface ReportGain extends ReportMeanChange {
  /** Gain ÷ the gain of another method, for example `ct`. */
  readonly ratio?: { readonly against: string; readonly value: number; readonly ci95: Interval };
}

/** Retention of the old languages. Changes are after ÷ before − 1. */
export interface ReportRetention {
  /** The old language with the largest relative change, that change and its interval. */
  readonly worstLanguage: string;
  readonly relativeChange: number;
  readonly ci95: Interval;
  /** Largest relative change that counts as kept. */
  readonly bound?: number;
  /** Every old language is below the bound, corrected for their number. */
  readonly kept?: boolean;
  readonly languages?: readonly {
    readonly language: string;
    /** Upper end of the interval. */
    readonly upper: number;
    /** One-sided p-value of "the change is the bound or more", and after correction for the number of languages. */
    readonly pValue: number;
    readonly adjustedP: number;
    readonly kept: boolean;
  }[];
}

/** How logits differ from the base's on the tokens of one language. */
export interface ReportLogits {
  readonly tokens: number;
  /** Tokens whose whole row of logits equals the base's. */
  readonly bitEqualTokens: number;
  readonly bitEqualShare: number;
  readonly maxAbsDifference: number;
  /** Tokens with p > 0.5 in every gated layer; null without a gate. */
  readonly tokensSentToBase: number | null;
  /** Largest difference on those tokens; null without such tokens. */
  readonly maxAbsDifferenceSentToBase: number | null;
}

/** Bits per document that a mixture may cost beyond the base, and the highest measured cost. */
export interface ReportMixtureBound {
  readonly bound: number;
  readonly worst: number;
  /** Id of that document, or null without documents. */
  readonly document: string | null;
}

/** Probability of the base over the first tokens of the documents of a language: median, 10 % and 90 % quantiles. */
export interface ReportPosterior {
  readonly language: string;
  readonly documents: number;
  readonly median: readonly number[];
  readonly low: readonly number[];
  readonly high: readonly number[];
}

/** Training loss of one language. */
export interface LossCurve {
  readonly language: string;
  /** Tokens seen of all languages, and nats a token. */
  readonly points: readonly (readonly [tokens: number, loss: number])[];
}

/** Continuations of one prompt by the base and by the trained system. */
export interface ReportSample {
  readonly language: string;
  readonly prompt: string;
  /** Continuations by the base and after training. */
  readonly before: string;
  readonly after: string;
}
