// The part of the front door that Node and browsers share.
export type { Base, OpenBaseOptions } from './base/base.ts';
export {
  type CompareOptions,
  compare,
  type PacksComparison,
} from './evaluation/compare.ts';
export { type EvaluateOptions, type Evaluation, evaluate } from './evaluation/evaluate.ts';
export { type GeneratedText, type GenerateOptions, generate } from './evaluation/generate.ts';
export type { PackComparison } from './evaluation/pack-comparison.ts';
export { createScorer, type ScorerOptions } from './evaluation/scorers.ts';
export type { ExtensionConfigFile } from './extension/extension-config.ts';
export { openPack } from './extension/open-pack.ts';
export type { Pack, SavePackOptions } from './extension/pack.ts';
export { createMoect, type Moect } from './parts/moect.ts';
export type { Parts } from './parts/parts.ts';
export { planTraining } from './planning/plan-program.ts';
export type { TrainingPlan } from './planning/training-plan.ts';
export type { Preset } from './presets/preset.ts';
export type { RunInfo } from './training/prepare-run.ts';
export type { TrainedPack } from './training/run.ts';
export type { TextFiles, Texts } from './training/texts-shape.ts';
export { type TextsByLanguage, type TrainOptions, train } from './training/train.ts';
