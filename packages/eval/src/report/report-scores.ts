import type { Comparison, LanguageComparison } from '../comparison/comparison.ts';
import type { ReportMethod, ReportScore } from './report.ts';

type Scores = Pick<ReportMethod, 'bitsPerByte' | 'retention' | 'gain' | 'transfer'>;

function reportScore(row: LanguageComparison): ReportScore {
  const { before, after, change, ci95, relativeChange, relativeCi95, fewDocuments } = row;
  return { before, after, change, ci95, relativeChange, relativeCi95, fewDocuments };
}

/** What a method's entry in the report takes from its comparison with the base. */
export function reportScores({ languages, retention, gain, transfer }: Comparison): Scores {
  return {
    bitsPerByte: Object.fromEntries(languages.map((row) => [row.language, reportScore(row)])),
    ...(retention && { retention }),
    ...(gain && { gain }),
    ...(transfer && { transfer }),
  };
}
