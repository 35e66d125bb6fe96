import type { BaseModel, Batch, BatchSource, Extension, Tensor } from '@moect/core';
import { createModel, initParameters } from '@moect/models';
import { createRng, tensor, tidy } from '@moect/tensor';

export const VOCAB_SIZE = 40;

/** A random Llama with grouped heads. Large weights, so that logits differ clearly. */
export function tinyBase(seed = 1, vocabSize: number = VOCAB_SIZE, layers = 3): BaseModel {
  const config = {
    architectures: ['LlamaForCausalLM'],
    model_type: 'llama',
    hidden_size: 16,
    intermediate_size: 24,
    num_hidden_layers: layers,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    vocab_size: vocabSize,
    max_position_embeddings: 64,
    rms_norm_eps: 1e-5,
    rope_theta: 10_000,
    initializer_range: 0.3,
    tie_word_embeddings: false,
  };
  return createModel(config, initParameters(config, createRng(seed)));
}

/** A tiny base for `createByteTokenizer`. */
export function byteBase(): BaseModel {
  return tinyBase(1, 258);
}

/** Random sequences: old language in even rows, new in odd ones; each row is cut into documents. */
export function tinyData(batchSize = 4, sequenceLength = 12): BatchSource {
  return {
    languages: [
      { code: 'eng_Latn', role: 'old' },
      { code: 'swh_Latn', role: 'new' },
    ],
    fingerprint: `tiny ${batchSize} ${sequenceLength}`,
    batch(counter): Batch {
      const rng = createRng(1000 + counter);
      const size = batchSize * sequenceLength;
      const row = (i: number): number => Math.floor(i / sequenceLength);
      const at = (i: number): number => i % sequenceLength;
      // the new language uses the upper half of the vocabulary
      const draw = rng.integers(size + 1, VOCAB_SIZE / 2);
      const token = (i: number): number => draw[i]! + (row(i) % 2 === 0 ? 0 : VOCAB_SIZE / 2);
      const cut = (i: number): number => (at(i) < 5 ? 0 : 1);
      const last = (i: number): boolean => at(i) === 4 || at(i) === sequenceLength - 1;
      const column = (f: (i: number) => number): Int32Array =>
        Int32Array.from({ length: size }, (_, i) => f(i));
      return {
        batchSize,
        sequenceLength,
        tokens: column(token),
        targets: column((i) => (last(i) ? -1 : token(i + 1))),
        positions: column((i) => (at(i) < 5 ? at(i) : at(i) - 5)),
        documentIds: column((i) => 2 * row(i) + cut(i)),
        languageIds: column((i) => row(i) % 2),
        roles: column((i) => (row(i) % 2 === 0 ? 1 : 2)),
      };
    },
  };
}

/** Logits of rows of tokens under a base and, if given, an extension. */
export async function logitsOf(
  base: BaseModel,
  rows: readonly (readonly number[])[],
  extension?: Extension,
): Promise<Float32Array> {
  const result = tidy((): Tensor => {
    const tokens = tensor(rows.flat(), [rows.length, rows[0]!.length], 'int32');
    const attached = extension && { attachments: extension.attachments, overrides: extension.overrides };
    return base.forward(tokens, attached ?? {}).logits;
  });
  const values = (await result.data()) as Float32Array;
  result.dispose();
  return values;
}

/** Rows of random tokens. */
export function randomRows(count: number, length: number, seed = 5): number[][] {
  const rng = createRng(seed);
  return Array.from({ length: count }, () => [...rng.integers(length, VOCAB_SIZE)]);
}
