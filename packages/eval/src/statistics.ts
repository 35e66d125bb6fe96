// What is computed from scored documents: no model, no tensor, nothing of TensorFlow.js.
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
