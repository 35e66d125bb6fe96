import { MoectError } from '@moect/core';
import { moeCt } from '@moect/experts';
import { createRng } from '@moect/tensor';
import { type BackendName, selectBackend } from '@moect/tensor/testing';
import {
  adamW,
  type CheckpointStore,
  linear,
  type RunState,
  type SavedRun,
  type SavedTensors,
  train,
} from '@moect/trainer';
import { logitsOf, randomRows, tinyBase, tinyData, VOCAB_SIZE } from '../support/tiny.ts';

/** JSON, so that it can go from a browser to Node and back. */
export interface SavedTraining {
  readonly state: RunState;
  readonly parameters: SavedValues;
  readonly optimizer: SavedValues;
}

type SavedValues = Readonly<
  Record<string, { readonly shape: readonly number[]; readonly values: readonly number[] }>
>;

export interface TrainOnBackendOptions {
  readonly backend: BackendName;
  /** Training to resume. */
  readonly from?: SavedTraining;
}

export interface TrainOnBackendResult {
  readonly detail: string;
  /** nats a token, by step; from the step after `from` on */
  readonly losses: readonly number[];
  /** Logits of the trained model on rows outside its data. */
  readonly logits: readonly number[];
  /** The training at step MOVED_AT. */
  readonly saved: SavedTraining;
}

export const STEPS = 50;
export const MOVED_AT = 40;

function memoryStore(from: SavedTraining | undefined): CheckpointStore & { saved?: SavedTraining } {
  const open = (values: SavedValues): SavedTensors => ({
    shapes: new Map(Object.entries(values).map(([path, { shape }]) => [path, shape])),
    read: async (path) => Float32Array.from(values[path]!.values),
  });
  return {
    async save({ state, parameters, optimizer }) {
      const copy = async (tensors: typeof parameters): Promise<SavedValues> => {
        const copies = [...tensors].map(async ([path, tensor]) => {
          const values = [...(await tensor.data())];
          return [path, { shape: [...tensor.shape], values }] as const;
        });
        return Object.fromEntries(await Promise.all(copies));
      };
      if (state.step === MOVED_AT) {
        this.saved = { state, parameters: await copy(parameters), optimizer: await copy(optimizer) };
      }
      return 'memory';
    },
    async load(): Promise<SavedRun | null> {
      if (from === undefined) return null;
      const [parameters, optimizer] = [open(from.parameters), open(from.optimizer)];
      return { folder: 'memory', state: from.state, parameters, optimizer, async close() {} };
    },
  };
}

/** Starts a backend; returns the reason if it is not available. */
async function absence(backend: BackendName): Promise<string | null> {
  try {
    await selectBackend(backend);
    return null;
  } catch (error) {
    if (MoectError.isInstance(error)) return error.message;
    throw error;
  }
}

/** The training run that must be the same on every backend: a small MoE-CT, accumulated and clipped. */
export async function trainOnBackend(
  options: TrainOnBackendOptions,
): Promise<TrainOnBackendResult | { readonly absent: string }> {
  const absent = await absence(options.backend);
  if (absent !== null) return { absent };
  const { detail } = await selectBackend(options.backend);
  // one layer, because software WebGPU is slow at every operation
  const base = tinyBase(1, VOCAB_SIZE, 1);
  const extension = moeCt().attach(base, {}, createRng(2));
  const losses: number[] = [];
  const checkpoints = memoryStore(options.from);
  await train({
    base,
    extension,
    data: tinyData(2),
    totalSteps: STEPS,
    gradientAccumulation: 2,
    maxGradNorm: 0.1,
    optimizer: adamW({ weightDecay: 0.1 }),
    schedule: linear({ learningRate: 3e-3, totalSteps: STEPS }),
    checkpoints,
    checkpointEvery: MOVED_AT,
    resume: options.from !== undefined,
    callbacks: [{ contract: 'callback/1', name: 'losses', onStep: ({ loss }) => void losses.push(loss) }],
  });
  const logits = [...(await logitsOf(base, randomRows(2, 12), extension))];
  extension.dispose();
  base.dispose();
  return { detail, losses, logits, saved: checkpoints.saved ?? options.from! };
}
