import type { BaseModel, BatchSource, Callback, Extension, HiddenStateSource } from '@moect/core';
import { adamW, train } from '@moect/trainer';
import { ADAM } from './gpt-small.ts';

/** A training run that waits before each step. */
export interface StepwiseTraining {
  /** The trainer's next optimizer step; resolves with its loss, nats a token. */
  step(): Promise<number>;
  /** Ends the run and frees the optimizer's state. */
  stop(): Promise<void>;
}

/** Waits until the weights are updated, since a step's loss is known before. */
async function waitForUpdate({ parameters }: Extension): Promise<void> {
  const [smallest] = [...parameters.values()].sort((a, b) => a.size - b.size);
  await smallest!.data();
}

/** `train` of @moect/trainer as users call it, paused before each step by a callback. */
export function stepwise(
  base: BaseModel,
  extension: Extension,
  data: BatchSource,
  hiddenStates?: HiddenStateSource,
): StepwiseTraining {
  const ending = new AbortController();
  let go = (): void => {};
  let finished = (_loss: number): void => {};
  const asked = (): Promise<void> =>
    new Promise((resolve) => {
      go = resolve;
    });
  const start = asked();
  const gate: Callback = {
    contract: 'callback/1',
    name: 'stepwise',
    onStart: () => start,
    onStep: async ({ loss }) => {
      const next = asked();
      await waitForUpdate(extension);
      finished(loss);
      return next;
    },
  };
  const { beta1, beta2, eps, learningRate } = ADAM;
  const run = train({
    base,
    extension,
    data,
    totalSteps: Number.MAX_SAFE_INTEGER,
    optimizer: adamW({ betas: [beta1, beta2], eps }),
    schedule: () => learningRate,
    callbacks: [gate],
    signal: ending.signal,
    ...(hiddenStates && { hiddenStates }),
  });
  return {
    step: () => {
      const loss = new Promise<number>((resolve) => {
        finished = resolve;
      });
      go();
      // a run that fails while a step is awaited fails that step
      return Promise.race([loss, run.then(() => loss)]);
    },
    stop: async () => {
      ending.abort();
      go();
      await run;
    },
  };
}
