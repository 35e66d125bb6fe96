import type { Callback, StepMetrics } from '@moect/core';
import type { TrainedPack } from 'moect/browser';
import type {
  RequestMessage,
  RequestName,
  Requests,
  RunEvent,
  RunOutcome,
  TrainRequest,
  WorkerMessage,
} from '../messages.ts';
import { createPauseSwitch } from './pause.ts';
import { continueText, type Session, trainAndMeasure, zipPack } from './run.ts';

/** A worker serves one run: the page starts another worker for the next. */
let session: (Session & { readonly pack: TrainedPack }) | null = null;
const pauseSwitch = createPauseSwitch();

const post = (message: WorkerMessage, transfer: Transferable[] = []): void => {
  globalThis.postMessage(message, { transfer });
};
const tell = (event: RunEvent): void => post({ event });

/** Tells the page about each step, with the time left at the mean speed of the latest steps. */
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
  session = await trainAndMeasure(request, [progress(), pauseSwitch.callback], tell);
  const { reason, step } = session.pack.result;
  return { reason, steps: step };
}

function write({ prompt, pack }: { readonly prompt: string; readonly pack: boolean }): Promise<string> {
  const { base, pack: trained } = session!;
  const onText = (text: string): void => tell({ kind: 'text', pack, text });
  return continueText({ base, pack: pack ? trained : null }, prompt, onText);
}

type Handlers = {
  [N in RequestName]: (
    request: Requests[N]['request'],
  ) => Requests[N]['reply'] | Promise<Requests[N]['reply']>;
};

const handlers: Handlers = {
  train: runTraining,
  generate: write,
  save: () => zipPack(session!.pack, session!.heldOut),
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
