import type { BaseModel, BatchSource, Extension, HiddenStateSource } from '@moect/core';
import { adamW, train } from '@moect/trainer';
import { ADAM } from './gpt-small.ts';
import { pausedSteps } from './paused-steps.ts';

/** A training run that waits before each step. */
export interface StepwiseTraining {
  /** The trainer's next optimizer step; resolves with its loss, nats a token. */
  step(): Promise<number>;
  /** Ends the run and frees the optimizer's state. */
  stop(): Promise<void>;
}

/** `train` of @moect/trainer as users call it, paused before each step by a callback. */
export function stepwise(
  base: BaseModel,
  extension: Extension,
  data: BatchSource,
  hiddenStates?: HiddenStateSource,
): StepwiseTraining {
  const ending = new AbortController();
  const paused = pausedSteps();
  const { beta1, beta2, eps, learningRate } = ADAM;
  const run = train({
    base,
    extension,
    data,
    totalSteps: Number.MAX_SAFE_INTEGER,
    optimizer: adamW({ betas: [beta1, beta2], eps }),
    schedule: () => learningRate,
    callbacks: [paused.callback],
    signal: ending.signal,
    ...(hiddenStates && { hiddenStates }),
  });
  return {
    step: () => paused.next(run),
    stop: async () => {
      ending.abort();
      paused.release();
      await run;
    },
  };
}
