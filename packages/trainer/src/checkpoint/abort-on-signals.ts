export interface SignalAbort {
  readonly signal: AbortSignal;
  /** Gives the signals back. */
  dispose(): void;
}

export interface SignalAbortOptions {
  /** Called at the first signal, for a message to people: the work may go on for a while. */
  readonly onSignal?: (name: NodeJS.Signals) => void;
}

/**
 * Ctrl-C, `kill`, a closed terminal or lost connection, and the warning of batch systems before the time is up
 * (Slurm: `--signal=USR1@60`; Node would open its debugger).
 */
const NAMES: readonly NodeJS.Signals[] =
  process.platform === 'win32' ? ['SIGINT', 'SIGTERM', 'SIGHUP'] : ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR1'];

/**
 * Signals so soon after the first are the same request: a terminal sends Ctrl-C to every process in front, and npm and
 * npx pass their own on to the program once more.
 */
const SAME_REQUEST_MS = 500;

/**
 * An abort signal for the first SIGINT, SIGTERM, SIGHUP or SIGUSR1, so that a run saves and ends. A second one, half a
 * second later or more, ends the process at once, as without this function.
 */
export function abortOnSignals({ onSignal }: SignalAbortOptions = {}): SignalAbort {
  const controller = new AbortController();
  let first: number | null = null;
  const dispose = (): void => {
    for (const name of NAMES) process.off(name, abort);
  };
  const abort = (name: NodeJS.Signals): void => {
    if (first === null) {
      first = performance.now();
      controller.abort(new Error(`Interrupted by ${name}.`));
      onSignal?.(name);
    } else if (performance.now() - first > SAME_REQUEST_MS) {
      dispose();
      process.kill(process.pid, name);
    }
  };
  for (const name of NAMES) process.on(name, abort);
  return { signal: controller.signal, dispose };
}
