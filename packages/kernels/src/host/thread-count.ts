import { InvalidConfigError } from '@moect/core';
import { coreQuota, readSystemFile } from './core-quota.ts';
import { nodeBuiltin } from './node-builtin.ts';

/** Most threads that `'auto'` takes: with more, the chunks of everyday shapes get too small to pay. */
const MOST_AUTO = 16;

interface Os {
  availableParallelism(): number;
}

/** Cores that this process may use, at most 16. */
function availableThreads(): number {
  const { navigator } = globalThis as { navigator?: { hardwareConcurrency?: number } };
  const cores = nodeBuiltin<Os>('node:os')?.availableParallelism() ?? navigator?.hardwareConcurrency ?? 1;
  return Math.min(cores, Math.max(1, Math.round(coreQuota(readSystemFile))), MOST_AUTO);
}

/**
 * Number of threads: `asked`, else the environment variable MOECT_THREADS, else all cores.
 * @throws InvalidConfigError for anything but 1 … 64 and 'auto'
 */
export function threadCount(asked: number | 'auto' | undefined): number {
  const { process } = globalThis as { process?: { env?: Record<string, string | undefined> } };
  const given = asked ?? (process?.env?.['MOECT_THREADS'] || 'auto');
  if (given === 'auto') return availableThreads();
  const count = Number(given);
  if (Number.isInteger(count) && count >= 1 && count <= 64) return count;
  const path = asked === undefined ? 'MOECT_THREADS' : 'threads';
  throw new InvalidConfigError('The wasm backend', [
    { path, message: `is ${given}, must be a whole number from 1 to 64, or 'auto' for all cores` },
  ]);
}
