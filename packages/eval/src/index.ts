export { type CompareOptions, compare } from './comparison/compare.ts';
export type {
  Comparison,
  ComparisonRole,
  Gain,
  LanguageComparison,
  MeanChange,
  Retention,
} from './comparison/comparison.ts';
export { groupByLanguage, type LanguageScores, scoresByLanguage } from './metrics/by-language.ts';
export {
  bitsPerByte,
  bytePerplexity,
  bytesPerToken,
  wordPerplexity,
} from './metrics/corpus-metrics.ts';
export { type CorpusTotals, corpusTotals } from './metrics/corpus-totals.ts';
export {
  compareLogits,
  type InspectionOptions,
  type LogitComparison,
  type LogitComparisonOptions,
} from './scoring/compare-logits.ts';
export {
  createScorer,
  type ModelScorer,
  type ScoredDocument,
  type ScorerOptions,
} from './scoring/create-scorer.ts';
export type { ScoringConvention } from './scoring/encode-documents.ts';
export { measureGates } from './scoring/measure-gates.ts';
export {
  createMixtureScorer,
  type MixtureDocumentScore,
  type MixtureMember,
  type MixtureScorer,
  scoreMixture,
} from './scoring/mixture.ts';
export { assertMixtureBound, type MixtureBound } from './scoring/mixture-bound.ts';
export { baseOnlyShare, type PosteriorCurve, posteriorCurves } from './scoring/posterior-curve.ts';
export { type RollingWindow, rollingWindows } from './scoring/rolling-windows.ts';
export { BATCH_TOKENS } from './scoring/window-batches.ts';
export {
  type BitsPerByteTable,
  type BootstrapOptions,
  type BootstrapResult,
  bootstrap,
  FEW_DOCUMENTS,
} from './statistics/bootstrap.ts';
export { holm } from './statistics/holm.ts';
export {
  type Interval,
  percentileInterval,
  standardError,
  twoSidedP,
  upperTailP,
} from './statistics/intervals.ts';
export { type NonInferiority, nonInferiority } from './statistics/non-inferiority.ts';
export { meanChange, type PairedStatistic, pairedBootstrap } from './statistics/paired-bootstrap.ts';
export { type ClusterOf, type ScoreTable, scoreTable } from './statistics/score-table.ts';
