import { availableParallelism } from 'node:os';

/** What "all threads" means here, for every contender: our backend takes at most 64. */
export const allThreads: number = Math.min(availableParallelism(), 64);

export const THREADS_ALL: string = String(allThreads);
