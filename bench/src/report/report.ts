/** bench/results/latest.json, schema `moect-bench/1`. */
export interface BenchReport {
  readonly schema: 'moect-bench/1';
  /** Date of the newest case. */
  readonly date: string;
  readonly hardware: Hardware;
  readonly ceiling: Ceiling;
  readonly cases: readonly CaseReport[];
}

export interface Hardware {
  readonly cpu: string;
  readonly cores: number;
  readonly gpu: string | null;
  readonly runtime: string;
}

/** Speed of our matrix product. */
export interface Ceiling {
  readonly gflopsOneThread: number;
  readonly gflopsAllThreads: number;
}

export interface WebgpuUse {
  /** Name that the driver reports. */
  readonly adapter: string;
  readonly dispatchesPerStep: number;
}

/** Result of one contender; speeds are in the case's unit. */
export interface ResultReport {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  /** Number of rounds; `median` is over them. */
  readonly runs: number;
  /** Loss of the third step, or sum of the generated ids: equal if contenders computed the same. */
  readonly check: number | null;
  readonly peakRssBytes: number;
  readonly wasmHeapBytes?: number;
  readonly webgpu?: WebgpuUse;
  readonly modelGflops?: number;
  readonly shareOfCeiling?: number;
}

export interface CostReport {
  readonly entry: string;
  readonly reference: string;
  /** Step time of `entry` as a share of the reference's. */
  readonly predicted: number;
  readonly measured: number;
}

export interface BarReport {
  readonly text: string;
  readonly atLeast?: number;
  readonly atMost?: number;
  readonly value: number;
  readonly met: boolean;
}

export interface CaseReport {
  readonly name: string;
  readonly title: string;
  readonly unit: 'tokens/s' | 'bytes/s' | 'starts/s';
  readonly date: string;
  readonly hardware: Hardware;
  readonly ceiling: Ceiling;
  readonly quick: boolean;
  readonly tokensPerStep: number;
  readonly results: Readonly<Record<string, ResultReport>>;
  /** Reasons why contenders did not run, by name. */
  readonly leftOut: Readonly<Record<string, string>>;
  readonly cost?: CostReport;
  readonly bars: readonly BarReport[];
}
