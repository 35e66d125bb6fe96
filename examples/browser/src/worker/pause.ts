import type { Callback } from '@moect/core';

/** Lets a page hold a training run between two steps, go on with it, and end it. */
export interface PauseSwitch {
  readonly callback: Callback;
  pause(): void;
  resume(): void;
  stop(): void;
}

export function createPauseSwitch(): PauseSwitch {
  let held: Promise<void> | null = null;
  let release = (): void => undefined;
  let isStopped = false;
  return {
    callback: {
      contract: 'callback/1',
      name: 'pause',
      async onStep() {
        await held;
        return isStopped ? 'stop' : undefined;
      },
    },
    pause() {
      held ??= new Promise((resolve) => {
        release = resolve;
      });
    },
    resume() {
      held = null;
      release();
    },
    stop() {
      isStopped = true;
      held = null;
      release();
    },
  };
}
