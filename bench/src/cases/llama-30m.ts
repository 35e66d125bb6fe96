import type { BaseModel, Batch, BatchSource } from '@moect/core';
import { createModel, initParameters } from '@moect/models';
import { createRng } from '@moect/tensor';

/** Fields of config.json that the benchmark varies. */
export interface LlamaSizes {
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly numLayers: number;
  readonly numHeads: number;
  readonly vocabSize: number;
  readonly batchSize: number;
  readonly sequenceLength: number;
}

/** 29.5 M parameters, tied head: the widths of llama2.c's stories42M with a vocabulary of 8,192. */
export const LLAMA_30M: LlamaSizes = {
  hiddenSize: 512,
  intermediateSize: 1376,
  numLayers: 8,
  numHeads: 8,
  vocabSize: 8192,
  batchSize: 4,
  sequenceLength: 256,
};

export const ROPE_THETA = 10_000;
export const RMS_NORM_EPS = 1e-5;

type Json = Parameters<typeof createModel>[0];

function configOf(sizes: LlamaSizes): Json {
  return {
    architectures: ['LlamaForCausalLM'],
    model_type: 'llama',
    hidden_size: sizes.hiddenSize,
    intermediate_size: sizes.intermediateSize,
    num_hidden_layers: sizes.numLayers,
    num_attention_heads: sizes.numHeads,
    num_key_value_heads: sizes.numHeads,
    vocab_size: sizes.vocabSize,
    max_position_embeddings: sizes.sequenceLength,
    rms_norm_eps: RMS_NORM_EPS,
    rope_theta: ROPE_THETA,
    initializer_range: 0.02,
    tie_word_embeddings: true,
  };
}

/** The model with random weights, the same in every process. Needs a backend. */
export function createLlamaBase(sizes: LlamaSizes = LLAMA_30M): BaseModel {
  const config = configOf(sizes);
  return createModel(config, initParameters(config, createRng(1)));
}

const LANGUAGES = [
  { code: 'eng_Latn', role: 'old' },
  { code: 'swh_Latn', role: 'new' },
] as const;

/** Random tokens, one document a row, old and new language in turn; the same batch at every counter. */
export function llamaData(sizes: LlamaSizes = LLAMA_30M): BatchSource {
  const { batchSize, sequenceLength, vocabSize } = sizes;
  const size = batchSize * sequenceLength;
  const draw = createRng(2).integers(batchSize * (sequenceLength + 1), vocabSize);
  const column = (at: (row: number, position: number) => number): Int32Array =>
    Int32Array.from({ length: size }, (_, i) => at(Math.floor(i / sequenceLength), i % sequenceLength));
  const token = (row: number, position: number): number => draw[row * (sequenceLength + 1) + position]!;
  const batch: Batch = {
    batchSize,
    sequenceLength,
    tokens: column(token),
    targets: column((row, position) => token(row, position + 1)),
    positions: column((_, position) => position),
    documentIds: column((row) => row),
    languageIds: column((row) => row % 2),
    roles: column((row) => 1 + (row % 2)),
  };
  return { languages: LANGUAGES, fingerprint: 'bench', batch: () => batch };
}

/** Greedy decoding of one sequence with a key-value cache. */
export const GENERATION = { promptTokens: 32, newTokens: 64 } as const;

export function promptIds(): number[] {
  return [...createRng(5).integers(GENERATION.promptTokens, LLAMA_30M.vocabSize)];
}
