import type { Json, ParamMap, ParamPath, Tensor, Variable } from './tensor.ts';

/** Settings of a component; checkpoints record and compare them. */
export type Settings = Readonly<Record<string, Json | undefined>>;

/** Learning rate at an optimizer step, counted from 0. */
export interface Schedule {
  (step: number): number;
  readonly settings?: Settings;
}

export interface OptimizerState {
  /** Finished updates. */
  readonly step: number;
  /** Tensors that a checkpoint keeps, by name, for example `exp_avg.model.layers.0.…`. */
  readonly tensors: ParamMap<Variable>;
  dispose(): void;
}

export interface Optimizer {
  readonly contract: 'optimizer/1';
  readonly name: string;
  readonly settings?: Settings;
  init(parameters: ParamMap<Variable>): OptimizerState;
  /**
   * Changes the variables and the state in place.
   * @param gradientScale factor put on every gradient first (clipping by global norm)
   */
  update(
    parameters: ParamMap<Variable>,
    gradients: ParamMap,
    state: OptimizerState,
    options: { readonly learningRate: number; readonly gradientScale: Tensor },
  ): OptimizerState;
}

export interface StepMetrics {
  /** Finished optimizer steps. */
  readonly step: number;
  readonly totalSteps: number;
  /** Mean next-token cross-entropy, nats a token, without auxiliary losses. */
  readonly loss: number;
  readonly auxLosses: Readonly<Record<string, number>>;
  readonly gradientNorm: number;
  readonly learningRate: number;
  /** Tokens with a target in this step. */
  readonly tokens: number;
  /** Tokens with a target since the run began, resumed parts included. */
  readonly tokensSeen: number;
  readonly tokensPerSecond: number;
  /** nats a token, by language code */
  readonly lossByLanguage: Readonly<Record<string, number>>;
}

/** Statistics of one language's tokens at one site, padding left out. */
export interface LanguageStatistics {
  readonly tokens: number;
  /** Mean p, the weight of the base. */
  readonly meanBaseWeight?: number;
  /** Share of tokens with p > 0.5. */
  readonly shareOnBase?: number;
  /** Share of the assignments that each expert gets; sums to 1. */
  readonly expertLoad?: readonly number[];
}

/** By site name, then by language code. */
export type RoutingStatistics = Readonly<Record<string, Readonly<Record<string, LanguageStatistics>>>>;

/** `stop` ends the run after this step, with its state saved. */
// biome-ignore lint/suspicious/noConfusingVoidType: a hook that returns nothing is the usual one
export type HookResult = void | 'stop';

/** Hooks of a training run. Each may be asynchronous; an exception stops the run with its state saved. */
export interface Callback {
  readonly contract: 'callback/1';
  readonly name: string;
  onStart?(info: {
    /** Finished steps: more than 0 after a resume. */
    readonly step: number;
    readonly totalSteps: number;
    readonly parameters: ParamMap<Variable>;
  }): void | Promise<void>;
  onStep?(metrics: StepMetrics): HookResult | Promise<HookResult>;
  onStatistics?(step: number, statistics: RoutingStatistics): void | Promise<void>;
  onEvaluate?(step: number, results: Readonly<Record<string, number>>): HookResult | Promise<HookResult>;
  onCheckpoint?(step: number, folder: string): void | Promise<void>;
  onEnd?(reason: 'finished' | 'interrupted' | 'failed'): void | Promise<void>;
  /** State that the callback needs after a resume. */
  saveState?(): Json;
  loadState?(state: Json): void;
}

export type NamedTensors = Readonly<Record<ParamPath, Tensor>>;
