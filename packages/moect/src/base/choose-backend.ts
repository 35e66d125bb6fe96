import { availableParallelism } from 'node:os';
import { type BackendInfo, type BackendName, selectBackend } from '@moect/tensor';

/** More threads than this wait for each other more than they help. */
const MOST_THREADS = 8;

/** Threads that are used without being asked for. The environment variable MOECT_THREADS overrides them. */
export function defaultThreads(): number | undefined {
  const isSet = (process.env['MOECT_THREADS'] ?? '') !== '';
  return isSet ? undefined : Math.min(availableParallelism(), MOST_THREADS);
}

/** `selectBackend` with all cores. The number of threads changes the speed, never a bit. Throws BackendUnavailableError. */
export async function chooseBackend(
  name: BackendName | 'auto' = 'auto',
  threads: number | undefined = defaultThreads(),
): Promise<BackendInfo> {
  return selectBackend(name, threads === undefined ? {} : { threads });
}
