import { type HiddenStateSource, NonFiniteError, type OptimizerState, type StepMetrics } from '@moect/core';
import { assignWeights, copyWeights, isBest, readBest } from './best-weights.ts';
import { callHooks, loadCallbacks, saveCallbacks } from './hooks.ts';
import { checkOptions, type TrainOptions, type TrainResult } from './options.ts';
import { restore } from './restore.ts';
import type { BestWeights, RunIdentity, RunState } from './run-state.ts';
import { candidateSource } from './sampled-candidates.ts';
import { StatesAhead } from './states-ahead.ts';
import { type StepSetup, trainStep } from './train-step.ts';

/** One call of {@link train}. */
class TrainingRun {
  readonly #options: TrainOptions;
  readonly #setup: StepSetup;
  readonly #identity: RunIdentity;
  #optimizerState: OptimizerState;
  #state: RunState;
  #saved = -1;
  #isTold = false;
  #metrics: StepMetrics | null = null;
  #evaluation: Readonly<Record<string, number>> | null = null;
  #checkpoint: string | null = null;
  /** Weights of `#state.best`. */
  #best: BestWeights | null = null;

  constructor(options: TrainOptions) {
    const { base, extension, data, optimizer, signal, gradientAccumulation = 1, maxGradNorm = 1 } = options;
    const { hiddenStates, recompute = false, seed = 0 } = options;
    this.#options = options;
    const ahead = hiddenStates && new StatesAhead(hiddenStates, data);
    const { sampledSoftmax } = options;
    const candidates = sampledSoftmax === undefined ? null : candidateSource(sampledSoftmax, base.vocabSize);
    const step = { gradientAccumulation, maxGradNorm, hiddenStates: ahead, recompute, candidates };
    this.#setup = { base, extension, data, optimizer, signal, seed, ...step };
    this.#identity = identify(options);
    this.#optimizerState = optimizer.init(extension.parameters);
    this.#state = {
      schema: 'moect-checkpoint/1',
      step: 0,
      totalSteps: options.totalSteps,
      batchCounter: 0,
      tokensSeen: 0,
      lastEvaluation: 0,
      stopped: false,
      callbacks: {},
      run: this.#identity,
    };
  }

  async resume(): Promise<void> {
    const saved = (await this.#options.checkpoints?.load()) ?? null;
    if (saved === null) return;
    const { extension, allowChangedSettings = false, isSameBase, totalSteps, callbacks = [] } = this.#options;
    try {
      const { parameters } = extension;
      const fresh = this.#optimizerState;
      const allowed = { allowChangedSettings, isSameBase };
      this.#optimizerState = await restore(saved, this.#identity, parameters, fresh, allowed);
      if (this.#options.rank !== undefined) this.#best = await readBest(saved);
    } finally {
      await saved.close();
    }
    loadCallbacks(callbacks, saved.state.callbacks);
    const { best, ...state } = saved.state;
    this.#state = { ...state, ...(this.#best && best && { best }), totalSteps, run: this.#identity };
    this.#saved = this.#state.step;
  }

  async run(): Promise<TrainResult> {
    const { callbacks = [], extension } = this.#options;
    let reason: 'finished' | 'interrupted' | 'failed' = 'failed';
    try {
      const { step, totalSteps } = this.#state;
      await callHooks(callbacks, 'onStart', { step, totalSteps, parameters: extension.parameters });
      reason = (await this.#steps()) ? 'finished' : 'interrupted';
      if (this.#saved !== this.#state.step) await this.#save();
      // the checkpoint has the last weights, so that the run can go on from them
      if (reason === 'finished' && this.#best !== null) assignWeights(extension.parameters, this.#best);
    } catch (error) {
      reason = 'failed';
      await this.#saveAfter(error);
      throw error;
    } finally {
      await callHooks(callbacks, 'onEnd', reason);
    }
    return {
      reason: reason === 'finished' && this.#state.stopped ? 'stopped' : reason,
      step: this.#state.step,
      keptStep: (reason === 'finished' ? this.#state.best?.step : undefined) ?? this.#state.step,
      tokensSeen: this.#state.tokensSeen,
      metrics: this.#metrics,
      evaluation: this.#evaluation,
      checkpoint: this.#checkpoint,
    };
  }

  dispose(): void {
    this.#setup.hiddenStates?.dispose();
    this.#optimizerState.dispose();
  }

  get #interrupted(): boolean {
    return this.#options.signal?.aborted === true;
  }

  get #isTrained(): boolean {
    const { step, totalSteps, stopped } = this.#state;
    return stopped || step >= totalSteps;
  }

  #due(every: number | undefined): boolean {
    const { step } = this.#state;
    return step > 0 && (this.#isTrained || (every !== undefined && step % every === 0));
  }

  /** Tells once that the last step is done. */
  async #tellTrained(): Promise<void> {
    if (!this.#isTrained || this.#isTold) return;
    this.#isTold = true;
    const { step, tokensSeen } = this.#state;
    await this.#options.onTrained?.({ step, tokensSeen });
  }

  /** False when interrupted. */
  async #steps(): Promise<boolean> {
    // an evaluation that was interrupted is made up for
    if (!(await this.#evaluate())) return false;
    while (!this.#state.stopped && this.#state.step < this.#state.totalSteps) {
      if (this.#interrupted || !(await this.#step())) return false;
      if (!(await this.#evaluate())) return false;
      if (this.#due(this.#options.checkpointEvery)) await this.#save();
    }
    await this.#tellTrained();
    return true;
  }

  async #step(): Promise<boolean> {
    const { schedule, statisticsEvery, callbacks = [] } = this.#options;
    const { step, batchCounter, totalSteps, tokensSeen } = this.#state;
    const learningRate = schedule(step);
    const collectStatistics = statisticsEvery !== undefined && (step + 1) % statisticsEvery === 0;
    const begin = performance.now();
    const isLast = step + 1 >= totalSteps;
    const request = { step, batchCounter, learningRate, collectStatistics, isLast };
    const outcome = await trainStep(this.#setup, request, this.#optimizerState);
    if (outcome === null) return false;
    const { optimizerState, statistics, ...numbers } = outcome;
    this.#optimizerState = optimizerState;
    this.#state = {
      ...this.#state,
      step: step + 1,
      batchCounter: batchCounter + this.#setup.gradientAccumulation,
      tokensSeen: tokensSeen + numbers.tokens,
    };
    this.#metrics = {
      ...numbers,
      step: step + 1,
      totalSteps,
      learningRate,
      tokensSeen: this.#state.tokensSeen,
      tokensPerSecond: (1000 * numbers.tokens) / (performance.now() - begin),
    };
    this.#stopIf(await callHooks(callbacks, 'onStep', this.#metrics));
    if (statistics !== null) await callHooks(callbacks, 'onStatistics', step + 1, statistics);
    return true;
  }

  /** Evaluates when it is time to. False when interrupted. */
  async #evaluate(): Promise<boolean> {
    const { evaluate, evaluateEvery, callbacks = [], signal } = this.#options;
    const { step, lastEvaluation } = this.#state;
    await this.#tellTrained();
    if (evaluate === undefined || lastEvaluation === step || !this.#due(evaluateEvery)) return true;
    let results: Readonly<Record<string, number>> | null;
    try {
      if (this.#interrupted) return false;
      results = await evaluate(step, signal);
    } catch (error) {
      if (this.#interrupted) return false;
      throw error;
    }
    if (results === null) return true;
    this.#evaluation = results;
    this.#state = { ...this.#state, lastEvaluation: step };
    await this.#keepIfBest(step, results);
    this.#stopIf(await callHooks(callbacks, 'onEvaluate', step, results));
    return true;
  }

  async #keepIfBest(step: number, results: Readonly<Record<string, number>>): Promise<void> {
    const { rank, extension } = this.#options;
    if (rank === undefined) return;
    const value = rank(results);
    if (!isBest(value, this.#state)) return;
    this.#best = await copyWeights(extension.parameters);
    this.#state = { ...this.#state, best: { step, rank: value } };
  }

  #stopIf(stop: boolean): void {
    if (stop) this.#state = { ...this.#state, stopped: true };
  }

  async #save(): Promise<void> {
    const { checkpoints, callbacks = [], extension } = this.#options;
    if (checkpoints === undefined) return;
    this.#state = { ...this.#state, callbacks: saveCallbacks(callbacks) };
    this.#checkpoint = await checkpoints.save({
      state: this.#state,
      parameters: extension.parameters,
      optimizer: this.#optimizerState.tensors,
      best: this.#state.best?.step === this.#state.step ? null : this.#best,
    });
    this.#saved = this.#state.step;
    await callHooks(callbacks, 'onCheckpoint', this.#state.step, this.#checkpoint);
  }

  /** Keeps the work of a run that fails, unless its numbers are the failure. */
  async #saveAfter(error: unknown): Promise<void> {
    if (error instanceof NonFiniteError || this.#saved === this.#state.step || this.#state.step === 0) return;
    try {
      await this.#save();
    } catch {
      // the first error says what went wrong; the checkpoints before this one are whole
    }
  }
}

const startOf = ({ layer, at, dtype }: HiddenStateSource): NonNullable<RunIdentity['hiddenStates']> => ({
  layer,
  at,
  dtype,
});

function identify(options: TrainOptions): RunIdentity {
  const { extension, data, optimizer, schedule, maxGradNorm = 1, hiddenStates, sampledSoftmax } = options;
  return {
    method: extension.method,
    methodConfig: extension.config,
    base: options.baseIdentity ?? null,
    dataFingerprint: data.fingerprint,
    languages: data.languages.map(({ code, role }) => `${code}:${role}`),
    seed: options.seed ?? 0,
    gradientAccumulation: options.gradientAccumulation ?? 1,
    maxGradNorm: Number.isFinite(maxGradNorm) ? maxGradNorm : null,
    optimizer: { name: optimizer.name, settings: optimizer.settings ?? null },
    schedule: schedule.settings ?? null,
    hiddenStates: hiddenStates === undefined ? null : startOf(hiddenStates),
    sampledSoftmax:
      sampledSoftmax === undefined
        ? null
        : { always: sampledSoftmax.always.length, sampled: sampledSoftmax.sampled },
  };
}

/**
 * Trains what an extension trains; pretraining is the same with an extension whose overrides are all parameters.
 * The loss of a step is the mean cross-entropy over its tokens, however they are cut into micro-batches,
 * plus the auxiliary losses.
 *
 * Throws InvalidConfigError (all problems at once), NonFiniteError (before any weight is changed),
 * CorruptDataError (a batch that cannot be), CheckpointError and BaseMismatchError (when resuming).
 * A run that fails otherwise saves its last finished step first.
 */
export async function train(options: TrainOptions): Promise<TrainResult> {
  checkOptions(options);
  const run = new TrainingRun(options);
  try {
    if (options.resume === true) await run.resume();
    return await run.run();
  } finally {
    run.dispose();
  }
}
