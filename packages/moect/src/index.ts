export { chooseBackend } from './base/choose-backend.ts';
export { type FolderBase, type LoadedBase, loadBase } from './base/load-base.ts';
export type { DataConfig, LanguageConfig, MoectConfig, TrainingConfig } from './config/moect-config.ts';
export { type Planned, planRun } from './config/plan-run.ts';
export {
  type ConfigOverrides,
  type ConfigSource,
  configFrom,
  parseConfig,
  readConfig,
} from './config/read-config.ts';
export type { EvaluationLanguage, ResolvedRun, RunLanguage, RunPlan } from './config/resolved-run.ts';
export { configJsonSchema, configSchema } from './config/schema.ts';
export { type BackendCheck, checkBackend } from './doctor/check-backend.ts';
export { type Examination, examine, type Finding } from './doctor/examine.ts';
export { buildReport, type ReportInput } from './evaluation/build-report.ts';
export {
  type CombinedScorerOptions,
  createBaseScorer,
  createCombinedScorer,
  rememberScores,
  resolveCombine,
  type ScoredExtension,
} from './evaluation/combined-scorer.ts';
export {
  type CompareExtensionsOptions,
  compareExtensions,
  type ExtensionComparison,
} from './evaluation/compare-extensions.ts';
export { evaluateText, type LanguageResult } from './evaluation/evaluate-text.ts';
export { type GeneratedText, type GenerateTextOptions, generateText } from './evaluation/generate-text.ts';
export { type EvaluatedText, readTexts } from './evaluation/read-texts.ts';
export {
  type ExtensionConfigFile,
  type ExtensionInfo,
  parseExtensionConfig,
  type TrainingSummary,
} from './extension/extension-config.ts';
export { type LoadedExtension, loadExtension, readExtensionConfig } from './extension/load-extension.ts';
export { type SaveExtensionOptions, saveExtension } from './extension/save-extension.ts';
export type { DiskEstimate, MemoryEstimate, RunEstimate, TrainingPlan } from './planning/estimate.ts';
export { planTraining } from './planning/plan-run.ts';
export type { PlanningOptions } from './planning/plan-training.ts';
export { learningRateFor, REFERENCE_PARAMETERS } from './presets/learning-rate.ts';
export { COMBINE_NAMES, type CombineName, type Preset, type PresetTraining } from './presets/preset.ts';
export {
  type Additions,
  createMethod,
  createMoect,
  defaultMoect,
  type Moect,
  mergeSettings,
  presets,
} from './presets/registry.ts';
export type { HeldOutNumber, HeldOutNumbers } from './training/held-out.ts';
export type { LanguageSummary } from './training/pack-text.ts';
export {
  type RunInfo,
  runTraining,
  type TrainingHooks,
  type TrainingOutcome,
} from './training/run-training.ts';
