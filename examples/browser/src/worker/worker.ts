import type { Callback, StepMetrics } from '@moect/core';
import { assertUnchanged, digestParameters } from '@moect/freeze';
import { selectBackend } from '@moect/tensor';
import { type TrainResult, train } from '@moect/trainer';
import type {
  RequestMessage,
  RequestName,
  Requests,
  RunEvent,
  RunOutcome,
  TrainRequest,
  WorkerMessage,
} from '../messages.ts';
import { openSession } from './open-session.ts';
import { createPauseSwitch } from './pause.ts';
import { continueText, createMeasure, packFiles, type Session } from './session.ts';

/** A worker is one run: the page starts another one for the next. */
const state: { session: Session | null; result: TrainResult | null } = { session: null, result: null };
const pauseSwitch = createPauseSwitch();

const post = (message: WorkerMessage, transfer: Transferable[] = []): void => {
  globalThis.postMessage(message, { transfer });
};
const tell = (event: RunEvent): void => post({ event });

/** Tells the page about each step, with the time left at the mean speed of the last ones. */
function progress(): Callback {
  const recent: number[] = [];
  return {
    contract: 'callback/1',
    name: 'progress',
    onStep({ step, totalSteps, loss, tokens, tokensPerSecond }: StepMetrics) {
      recent.push(tokens / tokensPerSecond);
      if (recent.length > 20) recent.shift();
      const mean = recent.reduce((a, b) => a + b, 0) / recent.length;
      const secondsLeft = (totalSteps - step) * mean;
      tell({ kind: 'step', step, totalSteps, loss, tokensPerSecond, secondsLeft });
    },
  };
}

async function runTraining(request: TrainRequest): Promise<RunOutcome> {
  tell({ kind: 'status', text: 'Starting' });
  const { name, detail } = await selectBackend(request.backend);
  tell({ kind: 'backend', name, detail });
  const { session, options, plan } = await openSession(request, tell);
  state.session = session;
  tell(plan);
  const measure = createMeasure(session);
  tell({ kind: 'status', text: 'Measuring the model as it is' });
  tell({ kind: 'scores', when: 'before', scores: await measure('before') });
  tell({ kind: 'status', text: 'Writing as it is' });
  await generate({ prompt: plan.prompt, pack: false });
  tell({ kind: 'status', text: 'Training' });
  const result = await train({ ...options, callbacks: [progress(), pauseSwitch.callback] });
  const { base } = session;
  assertUnchanged(base.heldSha256, await digestParameters(base.model.parameters));
  state.result = result;
  tell({ kind: 'status', text: 'Measuring what was learned' });
  tell({ kind: 'scores', when: 'after', scores: await measure('after') });
  tell({ kind: 'status', text: 'Writing with the pack' });
  await generate({ prompt: plan.prompt, pack: true });
  return { reason: result.reason, steps: result.step };
}

function generate({ prompt, pack }: { readonly prompt: string; readonly pack: boolean }): Promise<string> {
  return continueText(state.session!, prompt, pack, (text) => tell({ kind: 'text', pack, text }));
}

type Handlers = {
  [N in RequestName]: (
    request: Requests[N]['request'],
  ) => Requests[N]['reply'] | Promise<Requests[N]['reply']>;
};

const handlers: Handlers = {
  train: runTraining,
  generate,
  save: () => packFiles(state.session!, state.result!),
  pause: () => {
    pauseSwitch.pause();
    return null;
  },
  resume: () => {
    pauseSwitch.resume();
    return null;
  },
  stop: () => {
    pauseSwitch.stop();
    return null;
  },
};

globalThis.onmessage = async ({ data }: MessageEvent<RequestMessage>) => {
  const { id, name, request } = data;
  try {
    const reply = await (handlers[name] as (request: unknown) => unknown)(request);
    post({ id, reply }, reply instanceof Uint8Array ? [reply.buffer as ArrayBuffer] : []);
  } catch (error) {
    post({ id, error: error instanceof Error ? error.message : String(error) });
  }
};
