import { availableParallelism, cpus } from 'node:os';

export interface CoreUse {
  /** Cores that this process may run on. */
  readonly cores: number;
  /** Cores that other programs kept busy, on average. */
  readonly others: number;
}

/** Milliseconds that all cores were busy and that this process computed, so far. */
function spent(): { readonly busy: number; readonly own: number } {
  const busy = cpus().reduce((sum, { times }) => sum + times.user + times.nice + times.sys + times.irq, 0);
  const { user, system } = process.cpuUsage();
  return { busy, own: (user + system) / 1000 };
}

/** Begins to watch the cores; the function given says how busy other programs have kept them since. */
export function watchCores(): () => CoreUse {
  const [start, begin] = [spent(), performance.now()];
  return () => {
    const now = spent();
    const others = (now.busy - start.busy - (now.own - start.own)) / Math.max(1, performance.now() - begin);
    return { cores: availableParallelism(), others: Math.max(0, others) };
  };
}

/**
 * Threads share every product evenly and wait for the last one: one whose core is taken holds up all others.
 * @returns what to say about it; null where the cores are free enough
 */
export function busyNote({ cores, others }: CoreUse, threads: number): string | null {
  const free = Math.max(1, Math.round(cores - others));
  if (threads <= free) return null;
  return (
    `other programs keep ${others.toFixed(1)} of ${cores} cores busy, and ${threads} threads may be slower than ${free}: ` +
    `wait for them, or give --threads ${free}`
  );
}
