import { availableParallelism } from 'node:os';

/** Number of threads for "all threads", for every contender: our backend takes at most 64. */
export const allThreads: number = Math.min(availableParallelism(), 64);

export const THREADS_ALL: string = String(allThreads);
