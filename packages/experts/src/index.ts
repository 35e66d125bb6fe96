export { type BayesianMixtureOptions, bayesianMixture } from './combinations/bayesian-mixture.ts';
export { knownLanguage } from './combinations/known-language.ts';
export { type MixtureScore, mixtureLogProbs } from './combinations/mixture-log-probs.ts';
export { fromDiskTensors, toDiskTensors } from './disk-tensors.ts';
export { applySingleExpert, dispatchToExperts } from './dispatch.ts';
export { alwaysBase, alwaysOn, type FixedFusionOptions, fixedFusion } from './fusions/constant-fusion.ts';
export { type GuardedGateOptions, guardedGate } from './fusions/guarded-gate.ts';
export { continuousGate, discreteGate, type PaperGateOptions } from './fusions/paper-gates.ts';
export {
  builtInCombinations,
  builtInComponents,
  type ComponentConfig,
  type ComponentFactories,
  type ComponentFactory,
  createCombination,
  type MoeComponents,
} from './methods/components.ts';
export { loadParameters } from './methods/extension.ts';
export { type FullCtConfig, fullCt } from './methods/full-ct.ts';
export { checkGateThreshold } from './methods/gate-threshold.ts';
export { type LoraCtConfig, loraCt } from './methods/lora-ct.ts';
export { moeCt } from './methods/moe-ct.ts';
export {
  MOE_CT_DEFAULTS,
  MOE_CT_MIXTURE,
  MOE_CT_PAPER,
  type MoeCtConfig,
  type MoeCtLayers,
} from './methods/moe-ct-config.ts';
export { type MlpExpertOptions, mlpExpert } from './mlp-expert.ts';
export { ngramMemory } from './ngrams/ngram-memory.ts';
export {
  type CountedDocument,
  type CountOptions,
  checkNgramTable,
  countNgrams,
  type NgramTable,
  numbersIn,
} from './ngrams/ngram-table.ts';
export { type SwigluExpertOptions, swigluExpert } from './swiglu-expert.ts';
