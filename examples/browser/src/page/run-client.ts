import type { RequestName, Requests, RunEvent, WorkerMessage } from '../messages.ts';

type Settle = { readonly resolve: (reply: unknown) => void; readonly reject: (error: Error) => void };

/** A training run in a worker of its own. */
export interface RunClient {
  ask<N extends RequestName>(name: N, request: Requests[N]['request']): Promise<Requests[N]['reply']>;
  /** Ends the run at once; its state is lost. */
  end(): void;
}

/** Starts a worker. If it fails, all pending requests reject. */
export function startRun(onEvent: (event: RunEvent) => void): RunClient {
  const worker = new Worker(new URL('worker.js', location.href), { type: 'module' });
  const waiting = new Map<number, Settle>();
  let last = 0;
  worker.onmessage = ({ data }: MessageEvent<WorkerMessage>) => {
    if ('event' in data) return onEvent(data.event);
    const settle = waiting.get(data.id);
    waiting.delete(data.id);
    if ('error' in data) settle?.reject(new Error(data.error));
    else settle?.resolve(data.reply);
  };
  worker.onerror = ({ message }) => {
    for (const { reject } of waiting.values()) reject(new Error(message || 'The worker did not start.'));
    waiting.clear();
  };
  return {
    ask(name, request) {
      const id = ++last;
      return new Promise((resolve, reject) => {
        waiting.set(id, { resolve: resolve as Settle['resolve'], reject });
        worker.postMessage({ id, name, request });
      });
    },
    end: () => worker.terminate(),
  };
}
