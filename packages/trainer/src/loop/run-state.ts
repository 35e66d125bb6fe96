import type { BaseIdentity, Json, ParamMap, ParamPath, Settings, Shape, Variable } from '@moect/core';

/** Identity of a run: two runs with equal identities go through the same weights. */
export interface RunIdentity {
  readonly method: string;
  readonly methodConfig: Settings;
  readonly base: BaseIdentity | null;
  readonly dataFingerprint: string;
  readonly languages: readonly string[];
  readonly seed: number;
  readonly gradientAccumulation: number;
  /** Largest gradient norm; null: gradients are not clipped. */
  readonly maxGradNorm: number | null;
  readonly optimizer: { readonly name: string; readonly settings: Settings | null };
  readonly schedule: Settings | null;
  /** null or absent: every step begins with the tokens. */
  readonly hiddenStates?: { readonly layer: number; readonly at: string; readonly dtype: string } | null;
  /** Tokens that the loss normalises over: those that always count, and those drawn. null or absent: all. */
  readonly sampledSoftmax?: { readonly always: number; readonly sampled: number } | null;
}

/** State of a run between two optimizer steps, as JSON. */
export interface RunState {
  readonly schema: 'moect-checkpoint/1';
  /** Finished optimizer steps. */
  readonly step: number;
  readonly totalSteps: number;
  /** Next counter to ask of the batch source. */
  readonly batchCounter: number;
  /** Tokens with a target so far. */
  readonly tokensSeen: number;
  /** Step of the last finished evaluation, 0 before the first. */
  readonly lastEvaluation: number;
  /** A callback asked for the end. */
  readonly stopped: boolean;
  /** The step whose evaluation ranked lowest, and its rank; absent without `TrainOptions.rank`, null before the first. */
  readonly best?: { readonly step: number; readonly rank: number } | null;
  /** States of the callbacks, by name. */
  readonly callbacks: Readonly<Record<string, Json>>;
  readonly run: RunIdentity;
}

export interface Snapshot {
  readonly state: RunState;
  readonly parameters: ParamMap<Variable>;
  readonly optimizer: ParamMap<Variable>;
  /** Weights of `state.best`; null if there is none, or if it is this very step. */
  readonly best?: BestWeights | null;
}

/** Values of all trained parameters at one step, on the host. */
export type BestWeights = ReadonlyMap<ParamPath, Float32Array>;

/** Tensors of a checkpoint, read when asked for. */
export interface SavedTensors {
  readonly shapes: ReadonlyMap<ParamPath, Shape>;
  read(path: ParamPath): Promise<Float32Array>;
}

export interface SavedRun {
  /** Name of the place in messages. */
  readonly folder: string;
  readonly state: RunState;
  readonly parameters: SavedTensors;
  readonly optimizer: SavedTensors;
  /** Weights of `state.best`; null or absent if there is none, or if it is the step of the checkpoint. */
  readonly best?: SavedTensors | null;
  close(): Promise<void>;
}

/** Keeps snapshots of a run. `createCheckpointStore` of `@moect/trainer/node` keeps them in a folder. */
export interface CheckpointStore {
  /** Saves a snapshot completely or not at all, and gives the name of the place. */
  save(snapshot: Snapshot): Promise<string>;
  /** The newest complete one, or null. */
  load(): Promise<SavedRun | null>;
}
