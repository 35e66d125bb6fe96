import type { ReportMethod, ReportScore } from './report.ts';
import type { ReportGain, ReportMeanChange, ReportRetention } from './report-parts.ts';

type Scores = Pick<ReportMethod, 'bitsPerByte' | 'retention' | 'gain' | 'transfer'>;

/** All numbers of a score; `hasInterval` is new, and scores of before lack it. */
type Row = Required<Omit<ReportScore, 'hasInterval'>> & Pick<ReportScore, 'hasInterval'>;

/** A comparison of one trained system with its base, for example the result of `compare` of `@moect/eval`. */
export interface ReportedComparison {
  readonly languages: readonly (Row & { readonly language: string })[];
  /** A part is null where no language has its role. */
  readonly retention: ReportRetention | null;
  readonly gain: ReportGain | null;
  readonly transfer: ReportMeanChange | null;
}

function reportScore(row: Row): ReportScore {
  const { before, after, change, ci95, relativeChange, relativeCi95, fewDocuments, hasInterval } = row;
  return {
    before,
    after,
    change,
    ci95,
    relativeChange,
    relativeCi95,
    fewDocuments,
    ...(hasInterval === undefined ? {} : { hasInterval }),
  };
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
