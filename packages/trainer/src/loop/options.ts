import {
  type BaseIdentity,
  type BaseModel,
  type BatchSource,
  type Callback,
  type ConfigProblem,
  type Extension,
  type HiddenStateSource,
  InvalidConfigError,
  isAbove,
  nameOf,
  type Optimizer,
  type Schedule,
  type StepMetrics,
} from '@moect/core';
import { type Check, number, optional, problemsOf } from '@moect/core/options';
import type { CheckpointStore } from './run-state.ts';
import type { SampledSoftmax } from './sampled-candidates.ts';

export interface TrainOptions {
  readonly base: BaseModel;
  /** Extension to train: its `parameters` change, and nothing else. */
  readonly extension: Extension;
  readonly data: BatchSource;
  /** Optimizer steps of the whole run, resumed parts included. */
  readonly totalSteps: number;
  /** Micro-batches (counters of `data`) in one optimizer step. Default 1. */
  readonly gradientAccumulation?: number;
  readonly optimizer: Optimizer;
  readonly schedule: Schedule;
  /** Gradients are clipped to this global norm. Default 1; Infinity never clips. */
  readonly maxGradNorm?: number;
  /** Where the random numbers of training passes come from (`ForwardOptions.rng`); recorded in checkpoints. Default 0. */
  readonly seed?: number;
  readonly callbacks?: readonly Callback[];
  /**
   * Numbers about the model as it is; null where they could not be had, and the run goes on. `signal` aborts it; whatever
   * it throws then counts as the interruption.
   */
  readonly evaluate?: (
    step: number,
    signal?: AbortSignal,
  ) => Promise<Readonly<Record<string, number>> | null>;
  /**
   * Rank of an evaluation's results, lower is better: a finished run ends with the weights of the evaluation that ranked
   * lowest, while its checkpoint has the last ones. A NaN never ranks lowest. Default: the run ends with the last weights.
   */
  readonly rank?: (results: Readonly<Record<string, number>>) => number;
  /**
   * Called once when the last step is done, before the last evaluation, with the last weights: what must not be lost is
   * kept here.
   */
  readonly onTrained?: (run: { readonly step: number; readonly tokensSeen: number }) => Promise<void>;
  /** Steps between evaluations. Default: only at the end. */
  readonly evaluateEvery?: number;
  /** Steps between collections of gate and expert statistics. Default: never. */
  readonly statisticsEvery?: number;
  /** Store of checkpoints. Default: none are kept. */
  readonly checkpoints?: CheckpointStore;
  /** Steps between checkpoints. Default: only at the end. */
  readonly checkpointEvery?: number;
  /** Go on from the newest checkpoint of `checkpoints`, if there is one. Default false. */
  readonly resume?: boolean;
  /** Resume although optimizer, schedule or method settings differ. Default false. */
  readonly allowChangedSettings?: boolean;
  /** Identity of the base, recorded in checkpoints and compared when resuming. Default: unknown. */
  readonly baseIdentity?: BaseIdentity;
  /** Whether the base of a checkpoint is this one. Default: their digests are equal. */
  readonly isSameBase?: (saved: BaseIdentity) => Promise<boolean>;
  /** Hidden states that steps begin with, above the layers that nothing trains. Default: steps begin with the tokens. */
  readonly hiddenStates?: HiddenStateSource;
  /** Run each layer again on the way back, in place of keeping what it computed: less memory, more time, the same bits. Default false. */
  readonly recompute?: boolean;
  /**
   * The loss normalises over the tokens of the text and some others, drawn anew for each micro-batch, in place of the
   * whole vocabulary; see `Candidates` of @moect/core. The losses of steps are then estimates. Bases without a `loss` of
   * their own take the whole vocabulary. Default: the whole vocabulary.
   */
  readonly sampledSoftmax?: SampledSoftmax;
  /** Signal that ends the run after the current micro-batch; the last finished step is saved. */
  readonly signal?: AbortSignal;
}

export interface TrainResult {
  /** `stopped` means that a callback asked for it. */
  readonly reason: 'finished' | 'stopped' | 'interrupted';
  /** Finished optimizer steps, resumed parts included. */
  readonly step: number;
  /** Step whose weights the extension has: that of the best evaluation with `rank`, else the last. */
  readonly keptStep: number;
  /** Tokens with a target, resumed parts included. */
  readonly tokensSeen: number;
  /** Metrics of the last step of this call; null when there was none. */
  readonly metrics: StepMetrics | null;
  /** Results of the last evaluation of this call; null when there was none. */
  readonly evaluation: Readonly<Record<string, number>> | null;
  /** Place of the last checkpoint of this call; null when there was none. */
  readonly checkpoint: string | null;
}

function hiddenStateProblems({ base, extension, hiddenStates }: TrainOptions): ConfigProblem[] {
  if (hiddenStates === undefined) return [];
  const path = 'hiddenStates';
  if (base.prefix === undefined) {
    return [{ path, message: `'${base.architecture}' cannot begin in the middle` }];
  }
  const last = base.prefix.start(extension);
  if (!isAbove(hiddenStates, last)) return [];
  return [{ path, message: `begin at ${nameOf(hiddenStates)}, but ${nameOf(last)} is trained` }];
}

function softmaxProblems({ base, sampledSoftmax }: TrainOptions): ConfigProblem[] {
  if (sampledSoftmax === undefined) return [];
  const always = Array.from(sampledSoftmax.always);
  const wrong = always.find((id) => !(Number.isInteger(id) && id >= 0 && id < base.vocabSize));
  const path = 'sampledSoftmax.always';
  if (wrong !== undefined) return [{ path, message: `has token ${wrong}, the vocabulary ${base.vocabSize}` }];
  if (new Set(always).size < always.length) return [{ path, message: 'has a token twice' }];
  const sampled = { 'sampledSoftmax.sampled': sampledSoftmax.sampled };
  return problemsOf(sampled, { 'sampledSoftmax.sampled': count });
}

const count = number({ min: 1, integer: true });

const checks: { readonly [K in keyof TrainOptions]?: Check } = {
  totalSteps: count,
  gradientAccumulation: optional(count),
  evaluateEvery: optional(count),
  statisticsEvery: optional(count),
  checkpointEvery: optional(count),
  maxGradNorm: optional(number({ above: 0, infinite: true })),
};

/** Throws InvalidConfigError with every problem at once. */
export function checkOptions(options: TrainOptions): void {
  const { callbacks = [], checkpoints } = options;
  const problems = [
    ...hiddenStateProblems(options),
    ...softmaxProblems(options),
    ...problemsOf(options, checks),
  ];
  if (options.extension.parameters.size === 0) {
    problems.push({
      path: 'extension',
      message: `method '${options.extension.method}' has nothing to train`,
    });
  }
  if (options.resume === true && checkpoints === undefined) {
    problems.push({ path: 'resume', message: 'needs checkpoints' });
  }
  if (options.evaluateEvery !== undefined && options.evaluate === undefined) {
    problems.push({ path: 'evaluateEvery', message: 'needs evaluate' });
  }
  if (options.rank !== undefined && options.evaluate === undefined) {
    problems.push({ path: 'rank', message: 'needs evaluate' });
  }
  const stateful = callbacks.filter((callback) => callback.saveState !== undefined).map(({ name }) => name);
  for (const name of new Set(stateful.filter((name, i) => stateful.indexOf(name) !== i))) {
    problems.push({ path: 'callbacks', message: `two callbacks with saved state are named '${name}'` });
  }
  if (problems.length > 0) throw new InvalidConfigError('Training', problems);
}
