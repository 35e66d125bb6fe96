import '@tensorflow/tfjs-backend-cpu';
import { engine, getKernelsForBackend, type KernelConfig } from '@tensorflow/tfjs-core';
import { OP } from '../../../packages/backend-wasm/src/generated/wasm-ops.ts';

/** A stretch of a step: JavaScript between two operations, one wasm operation, or one plain JavaScript kernel. */
export interface Segment {
  readonly label: string;
  readonly kind: 'between' | 'wasm' | 'plain';
  readonly milliseconds: number;
}

type Kind = Segment['kind'];

interface Dispatcher {
  dispatch(op: number, args: readonly number[], chunks?: number): void;
  synchronize(): void;
}

const opNames = new Map(Object.entries(OP).map(([name, id]) => [id as number, name]));

/** Cost of one call of the clock. */
function shortestCall(clock: () => number): number {
  let shortest = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 1000; i++) {
    const begin = clock();
    clock();
    shortest = Math.min(shortest, (clock() - begin) / 2);
  }
  return shortest;
}

/** Kernels that only return their input: they do no work, so it does not matter where they run. */
const PASSES_ON = new Set(['Identity', 'Reshape', 'ExpandDims', 'Cast', 'StopGradient']);

/**
 * Cuts the time of a step at every wasm operation and at every kernel of tfjs-backend-cpu. Create it before the
 * wasm backend is installed, which takes over the cpu kernels as they are at that time.
 */
export class Recorder {
  #segments: Segment[] = [];
  #since = 0;
  #kernel = 'no kernel';
  #inside = false;
  readonly #now: () => number;
  readonly #clockCost: number;

  /** @param now a clock in milliseconds: processor time for one thread, else wall time */
  constructor(now: () => number) {
    this.#now = now;
    this.#clockCost = shortestCall(now);
    for (const config of getKernelsForBackend('cpu')) {
      if (!PASSES_ON.has(config.kernelName)) this.#watch(config, 'plain');
    }
  }

  /** Watches the wasm backend, which must be the active one. */
  watchWasm(): void {
    for (const config of getKernelsForBackend('moect-wasm')) {
      const run = config.kernelFunc;
      (config as { kernelFunc: typeof run }).kernelFunc = (parameters) => {
        const outer = this.#kernel;
        this.#kernel = config.kernelName;
        try {
          return run(parameters);
        } finally {
          this.#kernel = outer;
        }
      };
    }
    const { runtime } = engine().backend as unknown as { runtime: Dispatcher };
    const dispatch = runtime.dispatch.bind(runtime);
    runtime.dispatch = (op, args, chunks) => {
      this.#cut('between', 'between');
      dispatch(op, args, chunks);
      // otherwise part of its time would count as the next operation's
      runtime.synchronize();
      this.#cut('wasm', `${opNames.get(op) ?? op} (${this.#kernel})`);
    };
  }

  /** Segments since the last call. */
  take(): Segment[] {
    this.#cut('between', 'between');
    const taken = this.#segments;
    this.#segments = [];
    return taken;
  }

  #watch(config: KernelConfig, kind: Kind): void {
    const run = config.kernelFunc;
    (config as { kernelFunc: typeof run }).kernelFunc = (parameters) => {
      if (this.#inside) return run(parameters);
      this.#inside = true;
      this.#cut('between', 'between');
      try {
        return run(parameters);
      } finally {
        this.#cut(kind, config.kernelName);
        this.#inside = false;
      }
    };
  }

  #cut(kind: Kind, label: string): void {
    const now = this.#now();
    this.#segments.push({ kind, label, milliseconds: Math.max(0, now - this.#since - this.#clockCost) });
    this.#since = now;
  }
}
