export type { LoadedBase } from './base/describe-base.ts';
export { type FetchBaseOptions, fetchBase } from './base/fetch-base.ts';
export type { TrainingConfig } from './config/moect-config.ts';
export { trainingSettings } from './config/training-settings.ts';
export {
  type CombinedScorerOptions,
  createBaseScorer,
  createCombinedScorer,
  rememberScores,
  type ScoredExtension,
} from './evaluation/combined-scorer.ts';
export { type GeneratedText, type GenerateTextOptions, generateText } from './evaluation/generate-text.ts';
export type { ExtensionInfo, TrainingSummary } from './extension/extension-config.ts';
export { extensionFiles, type SaveExtensionOptions } from './extension/extension-files.ts';
export { duration, gibibytes } from './planning/format.ts';
export { type ProbeOptions, probeMemory, type StepDemand, type StepMemory } from './planning/probe-memory.ts';
export { type RunShape, suggestSmaller } from './planning/suggest.ts';
export { learningRateFor } from './presets/learning-rate.ts';
export type { CombineName, Preset, PresetTraining } from './presets/preset.ts';
export {
  type Additions,
  createMethod,
  createMoect,
  type Moect,
  mergeSettings,
  presets,
} from './presets/registry.ts';
export {
  type LanguageSummary,
  type LanguageText,
  type MixPlan,
  mixText,
  type PackedText,
  type PackingPlan,
  packText,
  splitLanguage,
} from './training/pack-text.ts';
export { type BatchPlan, planBatches } from './training/plan-batches.ts';
export { resolvePacking } from './training/resolve-run.ts';
export { trainOptions } from './training/train-options.ts';
export { type TrainedRun, trainingSummary } from './training/training-summary.ts';
