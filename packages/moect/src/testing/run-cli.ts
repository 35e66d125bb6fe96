import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { runCli } from '../cli/program.ts';

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunningCli {
  readonly child: ChildProcess;
  readonly finished: Promise<Finished>;
}

const cli = fileURLToPath(new URL('../cli.ts', import.meta.url));
const root = fileURLToPath(new URL('../../../..', import.meta.url));

/**
 * Starts `moect` from source in a process of its own.
 * @param fault JavaScript that runs first, to break something
 */
export function startProcess(args: readonly string[], fault?: string): RunningCli {
  const faults = fault === undefined ? [] : ['--import', `data:text/javascript,${encodeURIComponent(fault)}`];
  const node = [...faults, '--conditions=@moect/source', '--import', 'tsx', cli];
  const child = spawn(process.execPath, [...node, ...args], {
    cwd: root,
    env: { ...process.env, MOECT_THREADS: '1', NODE_OPTIONS: '' },
  });
  const finished = new Promise<Finished>((resolve, reject) => {
    let [stdout, stderr] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, stdout, stderr }));
  });
  return { child, finished };
}

/** Runs `moect` in a process of its own to its end. */
export function runProcess(args: readonly string[], fault?: string): Promise<Finished> {
  return startProcess(args, fault).finished;
}

/** Runs a command line in this process, without the seconds that a new process takes to start. */
export async function runHere(args: readonly string[]): Promise<Finished> {
  let [stdout, stderr] = ['', ''];
  const err = (text: string): void => {
    stderr += text;
  };
  const out = (text: string): void => {
    stdout += text;
  };
  const code = await runCli(args, { out, err, progress: { write: err } });
  return { code, stdout, stderr };
}
