import { fork } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { showProgress } from '../progress-line.ts';
import type { RealJob, RealMessage } from './jobs.ts';
import { createProgress, type Phase } from './progress.ts';

/** Training tokens a second at 135 M parameters on two cores; only the first estimates of the time use them. */
const TOKENS_PER_SECOND = { 'lora-ct': 230, ct: 170, 'moe-ct': 330, 'moe-ct-mixture': 330 } as const;
/** Until a process has loaded the model and takes its first step. */
const LOADING_SECONDS = 20;
/** Base and pack score some 14,000 tokens, and the report's examples are generated. */
const MEASURING_SECONDS = 45;

const phaseOf = ({ kind, method, tokens }: RealJob): Phase => ({
  name: `${kind} ${method}`,
  expectedSeconds:
    LOADING_SECONDS + (kind === 'measuring' ? MEASURING_SECONDS : tokens / TOKENS_PER_SECOND[method]),
});

/** Runs one job in a process; gives whether it was done, not interrupted. Throws what went wrong there. */
function runJob(job: RealJob, signal: AbortSignal, onShare: (share: number) => void): Promise<boolean> {
  const child = fork(new URL('./child.ts', import.meta.url), {
    execArgv: ['--conditions=@moect/source', '--import', 'tsx'],
  });
  const name = `${job.kind} ${job.method}`;
  // a terminal tells both, `kill` this process alone
  const stop = (): void => void child.kill('SIGTERM');
  signal.addEventListener('abort', stop);
  return new Promise<boolean>((resolve, reject) => {
    child.on('message', (message: RealMessage) => {
      if (message.kind === 'progress') onShare(message.share);
      else if (message.kind === 'error') reject(new Error(`${name}: ${message.message}`));
      else resolve(message.kind === 'done');
    });
    // `close`, not `exit`: all messages have been read by then
    child.once('close', (code, killed) => {
      // a signal before the process could save, or while it loaded
      if (signal.aborted) resolve(false);
      else reject(new Error(`${name} ended by ${killed ?? `exit code ${code}`}; the same command goes on.`));
    });
    child.send(job);
  }).finally(() => signal.removeEventListener('abort', stop));
}

/** Runs what is not done yet, one after the other, as each takes all cores; gives whether all of it is done now. */
export async function runJobs(jobs: readonly RealJob[], signal: AbortSignal): Promise<boolean> {
  const waiting = jobs.filter(({ result }) => !existsSync(result));
  const progress = createProgress(waiting.map(phaseOf));
  const end = showProgress(() => progress.text(), false);
  try {
    for (const [i, job] of waiting.entries()) {
      if (signal.aborted) return false;
      await mkdir(path.dirname(job.result), { recursive: true });
      progress.begin(i);
      if (!(await runJob(job, signal, (share) => progress.update(share)))) return false;
    }
    return true;
  } finally {
    end();
  }
}
