export interface SignalAbort {
  readonly signal: AbortSignal;
  /** Gives SIGINT and SIGTERM back. */
  dispose(): void;
}

/**
 * An abort signal for the first SIGINT or SIGTERM, so that a run saves and ends. The second one ends the process
 * at once, as without this function.
 */
export function abortOnSignals(): SignalAbort {
  const controller = new AbortController();
  const names = ['SIGINT', 'SIGTERM'] as const;
  const dispose = (): void => {
    for (const name of names) process.off(name, abort);
  };
  const abort = (name: NodeJS.Signals): void => {
    dispose();
    controller.abort(new Error(`Interrupted by ${name}.`));
  };
  for (const name of names) process.on(name, abort);
  return { signal: controller.signal, dispose };
}
