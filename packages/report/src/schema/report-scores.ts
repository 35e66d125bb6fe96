import type { ReportMethod, ReportScore } from './report.ts';
import type { ReportGain, ReportMeanChange, ReportRetention } from './report-parts.ts';

type Scores = Pick<ReportMethod, 'bitsPerByte' | 'retention' | 'gain' | 'transfer'>;

/** A comparison of one trained system with its base, for example the result of `compare` of `@moect/eval`. */
export interface ReportedComparison {
  readonly languages: readonly (Required<ReportScore> & { readonly language: string })[];
  /** A part is null where no language has its role. */
  readonly retention: ReportRetention | null;
  readonly gain: ReportGain | null;
  readonly transfer: ReportMeanChange | null;
}

function reportScore(row: Required<ReportScore>): ReportScore {
  const { before, after, change, ci95, relativeChange, relativeCi95, fewDocuments } = row;
  return { before, after, change, ci95, relativeChange, relativeCi95, fewDocuments };
}

/** Fields of a method's entry in the report that come from its comparison with the base. */
export function reportScores({ languages, retention, gain, transfer }: ReportedComparison): Scores {
  return {
    bitsPerByte: Object.fromEntries(languages.map((row) => [row.language, reportScore(row)])),
    ...(retention && { retention }),
    ...(gain && { gain }),
    ...(transfer && { transfer }),
  };
}
