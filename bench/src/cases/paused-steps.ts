import type { Callback, ParamMap, Variable } from '@moect/core';

/** The steps of a training run, which waits before each. */
export interface PausedSteps {
  readonly callback: Callback;
  /** The next optimizer step of `run`; resolves with its loss, nats a token. */
  next(run: Promise<unknown>): Promise<number>;
  /** Lets the run go on without a step being asked for, so that it can end. */
  release(): void;
}

/** Waits until the weights are updated, since a step's loss is known before. */
async function waitForUpdate(parameters: ParamMap<Variable>): Promise<void> {
  const [smallest] = [...parameters.values()].sort((a, b) => a.size - b.size);
  await smallest!.data();
}

/** A callback that pauses a run before each step until it is asked for. */
export function pausedSteps(): PausedSteps {
  let go = (): void => {};
  let finished = (_loss: number): void => {};
  let trained: ParamMap<Variable> = new Map();
  const asked = (): Promise<void> =>
    new Promise((resolve) => {
      go = resolve;
    });
  const start = asked();
  return {
    callback: {
      contract: 'callback/1',
      name: 'paused',
      onStart: ({ parameters }) => {
        trained = parameters;
        return start;
      },
      onStep: async ({ loss }) => {
        const next = asked();
        await waitForUpdate(trained);
        finished(loss);
        return next;
      },
    },
    next: (run) => {
      const loss = new Promise<number>((resolve) => {
        finished = resolve;
      });
      go();
      // a run that fails while a step is awaited fails that step
      return Promise.race([loss, run.then(() => loss)]);
    },
    release: () => go(),
  };
}
