/** What a run will take, before it runs. Bytes, seconds. */
export interface RunEstimate {
  readonly baseParameters: number;
  readonly trainableParameters: number;
  readonly steps: number;
  readonly batchSize: number;
  readonly accumulation: number;
  readonly sequenceLength: number;
  /** Tokens with a target; mean over the first steps. */
  readonly tokensPerStep: number;
  /** Training steps alone: evaluation and checkpoints come on top. null where no step can run. */
  readonly time: {
    readonly secondsPerStep: number;
    readonly seconds: number;
    readonly tokensPerSecond: number;
  } | null;
  readonly memory: MemoryEstimate;
  readonly disk: DiskEstimate;
}

export interface MemoryEstimate {
  /** Closed form: base and extension, gradients, and both moments of the optimizer, in float32, without activations. */
  readonly leastBytes: number;
  /** Of the wasm backend; null on another one. */
  readonly heap: {
    /** Most bytes in use at once during a step. */
    readonly peakBytes: number;
    /** With the gaps between blocks: what the memory grows to. */
    readonly usedBytes: number;
    /** 4 GiB, or what is set. */
    readonly limitBytes: number;
  } | null;
  /** Of the webgpu backend; null on another one. */
  readonly gpu: {
    readonly peakBytes: number;
    /** With the buffers that wait for the next of their size. */
    readonly usedBytes: number;
    /** What is set; a GPU does not tell how much it has. */
    readonly limitBytes: number | null;
  } | null;
  /** Of the machine, more than this process holds already. */
  readonly moreBytes: number;
  /** null where nobody says, as in a browser. */
  readonly availableBytes: number | null;
}

export interface DiskEstimate {
  readonly checkpointBytes: number;
  readonly extensionBytes: number;
  /** Checkpoints that are kept, one being written, and the extension. */
  readonly neededBytes: number;
  /** null where the system does not say. */
  readonly availableBytes: number | null;
}

/** A plan of a run, and whether it can be carried out. */
export interface TrainingPlan extends RunEstimate {
  /** Why it cannot run. */
  readonly problems: readonly string[];
  /** Why it may not come to its end. */
  readonly warnings: readonly string[];
  /** What would take less. */
  readonly suggestions: readonly string[];
}
