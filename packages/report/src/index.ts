export { bitEqualShare } from './page/bit-equal.ts';
export { languageName } from './page/language-name.ts';
export { renderReport } from './page/render-report.ts';
export { parseReport } from './schema/parse-report.ts';
export type { Report, ReportLanguage, ReportMethod, ReportScore } from './schema/report.ts';
export type {
  Interval,
  LossCurve,
  ReportGain,
  ReportLogits,
  ReportMeanChange,
  ReportMixtureBound,
  ReportPosterior,
  ReportRetention,
  ReportSample,
} from './schema/report-parts.ts';
export { reportJsonSchema } from './schema/report-schema.ts';
export { type ReportedComparison, reportScores } from './schema/report-scores.ts';
