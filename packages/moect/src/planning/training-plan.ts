import type { ScoringPlan } from './plan-scoring.ts';

/** Needs of a run, estimated before it runs. Bytes, seconds. */
export interface RunEstimate {
  readonly baseParameters: number;
  readonly trainableParameters: number;
  readonly steps: number;
  readonly batchSize: number;
  readonly accumulation: number;
  readonly sequenceLength: number;
  /** What stands around a text, in a sentence. */
  readonly frame: string;
  /** Tokens with a target; mean over the first steps. */
  readonly tokensPerStep: number;
  /** Training steps alone, without evaluation and checkpoints. null if no step can run. */
  readonly time: {
    readonly secondsPerStep: number;
    readonly seconds: number;
    readonly tokensPerSecond: number;
  } | null;
  readonly memory: MemoryEstimate;
  readonly disk: DiskEstimate;
  /** Evaluations during and after the run; null without held-out text, or where not even the smallest fits. */
  readonly evaluation: EvaluationEstimate | null;
}

/** All evaluations of a run. */
export interface EvaluationEstimate extends ScoringPlan {
  /** Times that the documents are scored, once under the base included. */
  readonly times: number;
}

export interface MemoryEstimate {
  /** Closed form: base and extension, gradients, and both moments of the optimizer, in float32, without activations. */
  readonly leastBytes: number;
  /** Memory of the wasm backend; null on another backend. */
  readonly heap: {
    /** Most bytes in use at once during a step. */
    readonly peakBytes: number;
    /** Size that the memory grows to, including gaps between blocks. */
    readonly usedBytes: number;
    /** 4 GiB, or the configured limit. */
    readonly limitBytes: number;
  } | null;
  /** Memory of the webgpu backend; null on another backend. */
  readonly gpu: {
    readonly peakBytes: number;
    /** Including idle buffers in the pool. */
    readonly usedBytes: number;
    /** Configured limit, or null: a GPU does not report its memory size. */
    readonly limitBytes: number | null;
  } | null;
  /** Needed from the machine, beyond the memory of this process. */
  readonly moreBytes: number;
  /** null if unknown, as in a browser. */
  readonly availableBytes: number | null;
}

export interface DiskEstimate {
  readonly checkpointBytes: number;
  readonly extensionBytes: number;
  /** Hidden states that the run keeps by itself while it lasts. */
  readonly statesBytes: number;
  /** Kept checkpoints, one that is being written, the extension, and hidden states. */
  readonly neededBytes: number;
  /** null if the system does not tell. */
  readonly availableBytes: number | null;
}

/** A plan of a run, and whether it can be carried out. */
export interface TrainingPlan extends RunEstimate {
  /** Choices made to fit, with reasons. */
  readonly chosen: readonly string[];
  /** Reasons why it cannot run. */
  readonly problems: readonly string[];
  /** Reasons why it may not finish. */
  readonly warnings: readonly string[];
  /** Ways to a smaller run. */
  readonly suggestions: readonly string[];
}
