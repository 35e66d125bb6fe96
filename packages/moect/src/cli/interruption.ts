import type { Callback } from '@moect/core';
import { abortOnSignals } from '@moect/trainer/node';
import { EXIT } from './exit-codes.ts';
import type { Io } from './io.ts';

/** Ends a run on Ctrl-C and its like, and says what that costs. */
export interface Interruption {
  readonly signal: AbortSignal;
  /** For the run: it knows what is saved. */
  readonly callback: Callback;
  dispose(): void;
}

const steps = (count: number): string => (count === 1 ? '1 step' : `${count} steps`);

/** What is lost without the save at the end. */
function losing(unsaved: number, saved: number): string {
  if (unsaved <= 0) return 'Again: stop now, nothing is lost.';
  return `Again: stop now and lose ${steps(unsaved)} (back to ${saved === 0 ? 'the beginning' : `step ${saved}`}).`;
}

/** Before a run has begun there is nothing to save, and the first signal ends the process. */
export function interruptible(io: Io): Interruption {
  let hasBegun = false;
  let [step, saved] = [0, 0];
  const { signal, dispose } = abortOnSignals({
    onSignal(name) {
      if (!hasBegun) {
        io.err(`\nmoect: ended by ${name} before the first step; nothing was lost.\n`);
        process.exit(EXIT.interrupted);
      }
      const losses = losing(step - saved, saved);
      io.err(`\n${name}: stopping after the step at hand, then saving. ${losses}\n`);
    },
  });
  const callback: Callback = {
    contract: 'callback/1',
    name: 'interruption',
    onStart(info) {
      hasBegun = true;
      step = saved = info.step;
    },
    onStep(metrics) {
      step = metrics.step;
    },
    onCheckpoint(at) {
      saved = at;
    },
  };
  return { signal, callback, dispose };
}
