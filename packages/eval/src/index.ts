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
export * from './statistics.ts';
