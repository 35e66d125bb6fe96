import type { ParamMap, ParamPath, Tensor, Variable } from './tensor.ts';

/** Learning rate at an optimizer step, counted from 0. */
export type Schedule = (step: number) => number;

export interface OptimizerState {
  /** Finished updates. */
  readonly step: number;
  /** By name, for example `exp_avg.model.layers.0.…`: what a checkpoint keeps. */
  readonly tensors: ParamMap<Variable>;
  dispose(): void;
}

export interface Optimizer {
  readonly contract: 'optimizer/1';
  readonly name: string;
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
  readonly tokensPerSecond: number;
  /** nats a token, by language code */
  readonly lossByLanguage: Readonly<Record<string, number>>;
}

/** Hooks of a training run. Each may be asynchronous; an exception stops the run with its state saved. */
export interface Callback {
  readonly contract: 'callback/1';
  readonly name: string;
  onStart?(info: {
    readonly totalSteps: number;
    readonly parameters: ParamMap<Variable>;
  }): void | Promise<void>;
  onStep?(metrics: StepMetrics): void | Promise<void>;
  onEvaluate?(step: number, results: Readonly<Record<string, number>>): void | Promise<void>;
  onCheckpoint?(step: number, folder: string): void | Promise<void>;
  onEnd?(reason: 'finished' | 'interrupted' | 'failed'): void | Promise<void>;
}

export type NamedTensors = Readonly<Record<ParamPath, Tensor>>;
