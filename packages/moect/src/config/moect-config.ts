import type { Settings } from '@moect/core';
import type { BackendName, FrozenStorage } from '@moect/tensor';

export interface LanguageConfig {
  /** For example `swh_Latn`. */
  readonly code: string;
  /** `new`: to be learned; `old`: the base knows it, its text is the replay. */
  readonly role: 'new' | 'old';
  /** .txt or .jsonl, also with .gz. */
  readonly files: readonly string[];
  /** How often it is drawn among its role. Default: new languages by size, old ones equally. */
  readonly weight?: number;
}

export interface DataConfig {
  /** Tokens. Default: the base's context, at most 512. */
  readonly sequenceLength?: number;
  /** What a document is. Default: `lines` for .txt, `jsonl` for .jsonl. */
  readonly format?: 'lines' | 'blocks' | 'whole' | 'jsonl';
  readonly textField?: string;
  /** The model learns to end documents. Default: where the tokenizer has an end-of-sequence token. */
  readonly endOfDocument?: boolean;
  /** Share of the documents kept out of training. Default 0.05; 0 where `evaluation` is given. */
  readonly heldOut?: number;
}

/** At most one of `steps`, `tokens` and `epochs`. */
export interface TrainingConfig {
  readonly steps?: number;
  /** Of all languages, replay included. */
  readonly tokens?: number;
  /** Passes over the new languages. Default 4. */
  readonly epochs?: number;
  /** Sequences. Default: about 2,048 tokens. */
  readonly batchSize?: number;
  /** Batches in one optimizer step. Default 1. */
  readonly accumulation?: number;
  /** Default: the preset's rule for the size of the base. */
  readonly learningRate?: number;
  readonly schedule?: 'cosine' | 'linear' | 'constant';
  /** Share of the steps. */
  readonly warmup?: number;
  /** Learning rate at the end, as a share of the highest. */
  readonly finalRate?: number;
  readonly maxGradNorm?: number;
  readonly weightDecay?: number;
  readonly seed?: number;
  /** Steps. Default: a tenth of the run, at least 20. */
  readonly checkpointEvery?: number;
  /** Steps. Default: only at the end. */
  readonly evaluateEvery?: number;
  /** Steps between gate and expert statistics. Default: never. */
  readonly statisticsEvery?: number;
  /** Less memory for more time, with the same bits: layers run again on the way back. Default false. */
  readonly recompute?: boolean;
}

/** The configuration of `moect train`: one YAML file. */
export interface MoectConfig {
  /** Folder with config.json, safetensors weights and tokenizer.json. */
  readonly base: string;
  /**
   * How the base's frozen matrices are kept in memory. `bfloat16`: half, exact for bfloat16 files; `int8`: a quarter.
   * Not for methods that train the base's matrices (ct). Default `float32`.
   */
  readonly baseStorage?: FrozenStorage;
  /** Default: `moe-ct` with old-language text, else `moe-ct-mixture`. */
  readonly preset?: string;
  /** Settings of the preset's method that differ from the preset. */
  readonly method?: Settings;
  readonly languages: readonly LanguageConfig[];
  /** `share`: of the sequences. Default: the preset's, more of it where the new text is scarce. */
  readonly replay?: { readonly share: number };
  readonly data?: DataConfig;
  readonly training?: TrainingConfig;
  /** Default: the held-out share of the training languages. */
  readonly evaluation?: {
    readonly languages: readonly {
      readonly code: string;
      readonly role: 'new' | 'old' | 'unseen';
      readonly files: readonly string[];
    }[];
  };
  readonly extension?: { readonly dtype?: 'f32' | 'bf16'; readonly license?: string };
  /** Keeps what the frozen layers below the extension make of the text, rounded to bf16, for later epochs and runs. */
  readonly cache?: { readonly folder: string; readonly maxBytes?: number };
  readonly backend?: {
    readonly name?: 'auto' | BackendName;
    readonly threads?: number;
    /** Of a GPU, to stay within: WebGPU does not tell how much there is. Default: not checked. */
    readonly gpuMemoryBytes?: number;
  };
  /** Folder of the run. Default `run`. */
  readonly output?: string;
  /** Written by moect into `resolved.json`, not read. */
  readonly resolved?: Settings;
}
