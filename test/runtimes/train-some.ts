import { moeCt } from '@moect/experts';
import { digestParameters } from '@moect/freeze';
import { createModel, initParameters } from '@moect/models';
import { createRng, memory, selectBackend } from '@moect/tensor';
import { adamW, constant, train } from '@moect/trainer';
import { tinyData, VOCAB_SIZE } from '../support/tiny.ts';

export interface TrainSomeOptions {
  /** Default: wasm. */
  readonly backend?: 'wasm' | 'webgpu';
  /** A smaller model, for WebGPU in software. */
  readonly small?: boolean;
  readonly threads: number;
  /** Uses only plain SIMD, which gives the same bits on every machine. */
  readonly deterministic: boolean;
  readonly steps: number;
  /** Address of a worker thread's script, where workers without a file are forbidden. */
  readonly threadFile?: string;
}

export interface TrainSomeResult {
  readonly threads: number;
  readonly detail: string;
  /** nats a token, step by step */
  readonly losses: readonly number[];
  /** sha256 of the trained parameters */
  readonly digest: string;
  /** Number of tensors left behind. */
  readonly leaked: number;
}

const CONFIG = {
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  hidden_size: 64,
  intermediate_size: 128,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  vocab_size: VOCAB_SIZE,
  max_position_embeddings: 64,
  rms_norm_eps: 1e-5,
  rope_theta: 10_000,
  initializer_range: 0.1,
  tie_word_embeddings: false,
};

const SMALL = { ...CONFIG, hidden_size: 16, intermediate_size: 32, num_hidden_layers: 1 };

/** Trains a small MoE-CT: on wasm large enough for threads to share. The same in Node and in a browser. */
export async function trainSome(options: TrainSomeOptions): Promise<TrainSomeResult> {
  const { backend = 'wasm', small = false, threads, deterministic, steps, threadFile } = options;
  const createWorker = (): Worker => new Worker(threadFile!, { type: 'module' });
  const { detail, ...info } = await selectBackend(backend, {
    threads,
    deterministic,
    ...(threadFile !== undefined && { createWorker }),
  });
  const before = memory().numTensors;
  const config = small ? SMALL : CONFIG;
  const base = createModel(config, initParameters(config, createRng(1)));
  const extension = moeCt().attach(base, {}, createRng(2));
  const losses: number[] = [];
  await train({
    base,
    extension,
    data: small ? tinyData(2, 8) : tinyData(8, 32),
    totalSteps: steps,
    optimizer: adamW(),
    schedule: constant({ learningRate: 3e-3, totalSteps: steps }),
    callbacks: [{ contract: 'callback/1', name: 'losses', onStep: ({ loss }) => void losses.push(loss) }],
  });
  // WebCrypto computes it, and takes no shared memory
  const digest = await digestParameters(extension.parameters);
  extension.dispose();
  base.dispose();
  return { threads: info.threads, detail, losses, digest, leaked: memory().numTensors - before };
}
