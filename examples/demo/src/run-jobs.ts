import { fork } from 'node:child_process';
import os from 'node:os';
import type { Job, JobMessage, JobResult } from './job.ts';
import { showProgress } from './progress-line.ts';

/** Work of a job relative to full continual training, measured; only the estimate of the time left uses it. */
const COST: Readonly<Record<string, number>> = {
  base: 0.15,
  ct: 1,
  'ct-replay': 1,
  'lora-ct': 1,
  'moe-ct-paper': 2,
  'moe-ct': 2.4,
  'moe-ct-mixture': 2.4,
};

export interface JobState {
  readonly job: Job;
  /** 0 waiting … 1 done */
  fraction: number;
  phase: string;
}

/** Shares of a job's time: where each phase begins, and its length. */
const PHASES: readonly (readonly [string, number, number])[] = [
  ['training', 0, 0.8],
  ['scoring', 0.8, 0.1],
  ['scoring base', 0.9, 0.05],
  ['scoring without threshold', 0.9, 0.08],
];

function start(state: JobState): Promise<JobResult> {
  const child = fork(new URL('./child.ts', import.meta.url), {
    execArgv: ['--conditions=@moect/source', '--import', 'tsx'],
    // scores are typed arrays
    serialization: 'advanced',
  });
  const stop = (): void => void child.kill();
  process.once('exit', stop);
  return new Promise<JobResult>((resolve, reject) => {
    child.on('message', (message: JobMessage) => {
      if (message.kind === 'result') resolve(message.result);
      else if (message.kind === 'error') reject(new Error(`${state.job.method}: ${message.message}`));
      else {
        const [, from, share] = PHASES.find(([name]) => name === message.phase) ?? ['', 0.9, 0.1];
        state.fraction = from + share * (message.done / message.total);
        state.phase = `${message.phase} ${message.done}/${message.total}`;
      }
    });
    child.once('exit', (code) => reject(new Error(`${state.job.method} ended with code ${code}`)));
    child.send(state.job);
  }).finally(() => process.off('exit', stop));
}

/** One line about all jobs, with the time left. */
export function progressText(states: readonly JobState[], elapsedSeconds: number): string {
  const cost = ({ job }: JobState): number => COST[job.method] ?? 2;
  const total = states.reduce((sum, state) => sum + cost(state), 0);
  const done = states.reduce((sum, state) => sum + cost(state) * state.fraction, 0);
  const left = done > 0 ? (elapsedSeconds * (total - done)) / done : Number.NaN;
  const running = states
    .filter(({ fraction, phase }) => fraction < 1 && phase !== '')
    .map(({ job, phase }) => `${job.method}#${job.seed} ${phase}`)
    .join(' · ');
  const minutes = Number.isFinite(left)
    ? `about ${Math.floor(left / 60)}:${String(Math.floor(left % 60)).padStart(2, '0')} left`
    : '';
  return `${String(Math.floor((100 * done) / total)).padStart(3)} %  ${minutes}  ${running}`;
}

/** Runs jobs in child processes, as many at a time as there are cores (at most `parallel`). Longest first. */
export async function runJobs(
  jobs: readonly Job[],
  parallel: number = os.availableParallelism(),
): Promise<JobResult[]> {
  const states = jobs.map((job): JobState => ({ job, fraction: 0, phase: '' }));
  const begin = performance.now();
  const finish = showProgress(() => progressText(states, (performance.now() - begin) / 1000), true);
  const results = new Map<JobState, JobResult>();
  const queue = [...states].sort((a, b) => (COST[b.job.method] ?? 2) - (COST[a.job.method] ?? 2));
  const worker = async (): Promise<void> => {
    for (let state = queue.shift(); state !== undefined; state = queue.shift()) {
      state.phase = 'starting';
      results.set(state, await start(state));
      state.fraction = 1;
    }
  };
  try {
    await Promise.all(Array.from({ length: Math.max(1, Math.min(parallel, jobs.length)) }, worker));
  } finally {
    finish();
  }
  return states.map((state) => results.get(state)!);
}
