import type { WebgpuUse } from '../report/report.ts';
import type { DawnUse } from './dawn.ts';

/** One model under measurement, in a process of its own. */
export interface Contender {
  /** Does one unit of work; resolves at its true end, with a number that contenders on the same work share. */
  step(): Promise<number>;
  /** Bytes of the wasm memory, which only grows. */
  wasmHeapBytes?(): Promise<number>;
  /** Of the processes that did the work, where it was not this one. */
  peakRssBytes?(): number;
  readonly gpu?: DawnUse;
  /** Floating-point operations of the unit of work, where `step` is products only. */
  readonly flops?: number;
}

/** Steps to run, the first `untimed` of them without timing. */
export interface Request {
  readonly untimed: number;
  readonly timed: number;
}

export interface Reply {
  readonly milliseconds: readonly number[];
  /** Loss or sum of the generated ids, of step CHECKED_STEP or of the last step before it. */
  readonly check: number;
  readonly peakRssBytes: number;
  readonly wasmHeapBytes?: number;
  readonly webgpu?: WebgpuUse;
  readonly flops?: number;
}

export type Message = Reply | { readonly error: string } | { readonly ready: true };

const send = (message: Message): void => void process.send?.(message);

/** Step whose loss is compared; every contender reaches it. */
const CHECKED_STEP = 3;

interface Progress {
  steps: number;
  check: number;
}

async function answer(contender: Contender, progress: Progress, { untimed, timed }: Request): Promise<Reply> {
  const milliseconds: number[] = [];
  const { gpu } = contender;
  const dispatchesBefore = gpu?.dispatches() ?? 0;
  for (let i = 0; i < untimed + timed; i++) {
    const start = performance.now();
    const value = await contender.step();
    if (++progress.steps <= CHECKED_STEP) progress.check = value;
    if (i >= untimed) milliseconds.push(performance.now() - start);
  }
  const wasmHeapBytes = await contender.wasmHeapBytes?.();
  return {
    milliseconds,
    check: progress.check,
    peakRssBytes: contender.peakRssBytes?.() ?? process.resourceUsage().maxRSS * 1024,
    ...(wasmHeapBytes !== undefined && { wasmHeapBytes }),
    ...(gpu && {
      webgpu: {
        adapter: gpu.adapter,
        dispatchesPerStep: (gpu.dispatches() - dispatchesBefore) / (untimed + timed),
      },
    }),
    ...(contender.flops !== undefined && { flops: contender.flops }),
  };
}

const reason = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).split('\n')[0]!;

/** Serves a contender to the parent process: answers each request with the times of its steps. */
export function serve(create: () => Promise<Contender>): void {
  // `exit` runs the handlers that delete temporary files
  const leave = (): never => process.exit();
  process.on('disconnect', leave).on('SIGTERM', leave);
  const progress: Progress = { steps: 0, check: Number.NaN };
  const created = create();
  created.then(
    () => send({ ready: true }),
    (error) => send({ error: reason(error) }),
  );
  process.on('message', (request: Request) => {
    created
      .then((contender) => answer(contender, progress, request))
      .then(send, (error) => send({ error: reason(error) }));
  });
}
