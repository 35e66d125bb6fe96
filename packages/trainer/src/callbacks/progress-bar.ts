import type { Callback, StepMetrics } from '@moect/core';
import { bar, formatDuration, type Pace, progressLine } from './progress-line.ts';

/** The part of a terminal or a log file that is used. `process.stderr` satisfies it. */
export interface ProgressStream {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

export interface ProgressOptions {
  /** Default: standard error. */
  readonly stream?: ProgressStream;
  /** Seconds between lines where the stream is no terminal. Default 10. */
  readonly everySeconds?: number;
  /** Milliseconds. Default: the clock. */
  readonly now?: () => number;
}

const REDRAW_MS = 100;
const BAR_WIDTH = 20;

const KEEP = 0.95;

/**
 * Means over about twenty steps. The speed is that of the steps; the time left also has what lies between them,
 * such as evaluations.
 */
function pacer(now: () => number): (metrics: StepMetrics) => Pace {
  let last = now();
  let [wall, stepSeconds, tokens, steps] = [0, 0, 0, 0];
  return (metrics) => {
    const at = now();
    wall = KEEP * wall + (at - last) / 1000;
    stepSeconds = KEEP * stepSeconds + metrics.tokens / metrics.tokensPerSecond;
    tokens = KEEP * tokens + metrics.tokens;
    steps = KEEP * steps + 1;
    last = at;
    return {
      tokensPerSecond: tokens / stepSeconds,
      secondsLeft: (metrics.totalSteps - metrics.step) * (wall / steps),
    };
  };
}

/**
 * Step, loss, rate and time left: one line redrawn in a terminal, a plain line every few seconds elsewhere.
 * Evaluations and the end always get a line of their own.
 */
export function progressBar(options: ProgressOptions = {}): Callback {
  const { now = () => performance.now(), everySeconds = 10 } = options;
  const stream = options.stream ?? (globalThis as { process?: { stderr?: ProgressStream } }).process?.stderr;
  const write = (text: string): void => void stream?.write(text);
  const isTerminal = stream?.isTTY === true;
  const clear = isTerminal ? '\r\u001b[K' : '';
  const line = (text: string): void => write(`${clear}${text}\n`);
  let pace = pacer(now);
  let begin = now();
  let shown = Number.NEGATIVE_INFINITY;
  let latest = '';
  const draw = ({ step, totalSteps }: StepMetrics): void => {
    const text = `${bar(step / totalSteps, BAR_WIDTH)} ${latest}`;
    // a line that wraps could not be redrawn
    write(`${clear}${text.slice(0, (stream?.columns ?? 80) - 1)}`);
  };
  return {
    contract: 'callback/1',
    name: 'progress',
    onStart({ step, totalSteps }) {
      pace = pacer(now);
      begin = now();
      shown = Number.NEGATIVE_INFINITY;
      if (step > 0) line(`resumed after step ${step}/${totalSteps}`);
    },
    onStep(metrics) {
      latest = progressLine(metrics, pace(metrics));
      const due = now() - shown >= (isTerminal ? REDRAW_MS : 1000 * everySeconds);
      if (!due && metrics.step < metrics.totalSteps) return;
      shown = now();
      if (isTerminal) draw(metrics);
      else line(latest);
    },
    onEvaluate(step, results) {
      const numbers = Object.entries(results).map(([name, value]) => `${name} ${value.toPrecision(5)}`);
      line(`step ${step}  evaluation  ${numbers.join('  ')}`);
    },
    onEnd(reason) {
      if (isTerminal && latest !== '') line(latest);
      line(`${reason} after ${formatDuration((now() - begin) / 1000)}`);
    },
  };
}
