import type { BenchCase, Entry, EntryResult, Results } from '../cases/bench-case.ts';
import { THREADS_ALL } from '../cases/threads.ts';
import type { Reply, Request } from '../contenders/serve.ts';
import type { Ceiling } from '../report/report.ts';
import { type ContenderProcess, startContender } from './contender-process.ts';
import { median } from './median.ts';

export interface CaseMeasurement {
  readonly results: Results;
  readonly ceiling: Ceiling;
  /** Reasons why contenders did not run, by name. */
  readonly leftOut: Readonly<Record<string, string>>;
}

export interface MeasureOptions {
  readonly rounds: number;
  readonly isQuick: boolean;
  /** Names of contenders; default all. */
  readonly only?: readonly string[];
  /** @param secondsLeft of this case */
  readonly onProgress: (text: string, secondsLeft: number | null) => void;
}

const CEILING: readonly Entry[] = [
  { name: 'ceiling-1t', module: 'ceiling', env: { BENCH_THREADS: '1' } },
  { name: 'ceiling-all', module: 'ceiling', env: { BENCH_THREADS: THREADS_ALL } },
];

/** Chooses steps worth half a second, so that the beginning of a turn counts little. */
function turnOf(stepMs: number): Request {
  return { untimed: stepMs < 500 ? 1 : 0, timed: Math.min(5, Math.max(1, Math.round(500 / stepMs))) };
}

interface Running {
  readonly process: ContenderProcess;
  readonly turn: Request;
  readonly stepMs: number;
  /** Milliseconds a step, one value a round. */
  readonly rounds: number[];
  last: Reply;
}

/** Warms up compilation, caches and clocks by up to three steps; the last one sets the length of a turn. */
async function warmUp(process: ContenderProcess): Promise<Running> {
  let last = await process.ask({ untimed: 0, timed: 1 });
  // further steps are cheap if the first took less than 5 s
  for (let i = 0; i < 2 && last.milliseconds[0]! < 5000; i++)
    last = await process.ask({ untimed: 0, timed: 1 });
  const stepMs = last.milliseconds[0]!;
  return { process, turn: turnOf(stepMs), stepMs, rounds: [], last };
}

function excluded(entry: Entry, { isQuick, only }: MeasureOptions): string | null {
  if (only !== undefined) return only.includes(entry.name) ? null : 'not asked for';
  return isQuick && entry.isSlow === true ? 'left out by --quick; name it with --contenders' : null;
}

async function startAll(
  entries: readonly Entry[],
  options: MeasureOptions,
  leftOut: Record<string, string>,
): Promise<Running[]> {
  const running: Running[] = [];
  for (const entry of entries) {
    const reason = CEILING.includes(entry) ? null : excluded(entry, options);
    if (reason !== null) {
      if (reason !== 'not asked for') leftOut[entry.name] = reason;
      continue;
    }
    options.onProgress(`starting ${entry.name}`, null);
    let started: ContenderProcess | undefined;
    try {
      started = await startContender(entry);
      running.push(await warmUp(started));
    } catch (error) {
      await started?.stop();
      leftOut[entry.name] = (error as Error).message;
    }
  }
  return running;
}

const secondsARound = (running: readonly Running[]): number =>
  running.reduce((sum, { stepMs, turn }) => sum + (stepMs * (turn.timed + turn.untimed)) / 1000, 0);

const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

function resultOf({ rounds, last }: Running, tokens: number): EntryResult {
  const speeds = rounds.map((ms) => (tokens / ms) * 1000);
  return {
    median: median(speeds),
    min: Math.min(...speeds),
    max: Math.max(...speeds),
    runs: speeds.length,
    check: last.check,
    peakRssBytes: last.peakRssBytes,
    ...(last.webgpu && { webgpu: last.webgpu }),
    ...(last.wasmHeapBytes !== undefined && { wasmHeapBytes: last.wasmHeapBytes }),
  };
}

function gflops(running: readonly Running[], name: string): number {
  const found = running.find(({ process }) => process.entry.name === name);
  if (found === undefined) throw new Error(`The product ceiling could not be measured: ${name} did not run.`);
  return found.last.flops! / median(found.rounds) / 1e6;
}

/** Measures all contenders of a case in turn, and the machine's matrix products in the same minutes. */
export async function measureCase(benchCase: BenchCase, options: MeasureOptions): Promise<CaseMeasurement> {
  const leftOut: Record<string, string> = {};
  const running = await startAll([...CEILING, ...benchCase.entries], options, leftOut);
  try {
    for (let round = 0; round < options.rounds; round++) {
      const left = secondsARound(running) * (options.rounds - round);
      options.onProgress(`round ${round + 1} of ${options.rounds}`, left);
      for (const one of running) {
        one.last = await one.process.ask(one.turn);
        one.rounds.push(mean(one.last.milliseconds));
      }
    }
    const contenders = running.filter(({ process }) => !CEILING.includes(process.entry));
    return {
      results: Object.fromEntries(
        contenders.map((one) => [one.process.entry.name, resultOf(one, benchCase.tokens)]),
      ),
      ceiling: {
        gflopsOneThread: gflops(running, 'ceiling-1t'),
        gflopsAllThreads: gflops(running, 'ceiling-all'),
      },
      leftOut,
    };
  } finally {
    await Promise.all(running.map(({ process }) => process.stop()));
  }
}
