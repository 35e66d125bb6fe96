import type { JsonObject } from '@moect/core';
import { CorruptDataError } from '@moect/core';
import { type HostTensor, storeOfTensors, type TensorStore } from '@moect/safetensors';
import { layoutOf } from '../decoder/layout.ts';
import { llama } from '../families/llama.ts';
import { parseLlamaConfig } from '../families/llama-config.ts';

interface Header {
  readonly version: 0 | 1;
  readonly dim: number;
  readonly hiddenDim: number;
  readonly layers: number;
  readonly heads: number;
  readonly keyValueHeads: number;
  readonly vocabSize: number;
  readonly maxPositions: number;
  readonly isTied: boolean;
  /** First byte of the weights. */
  readonly offset: number;
}

/** 'ak42', the first word of versions from 1. */
const MAGIC = 0x616b3432;

function refuse(source: string, reason: string): never {
  throw new CorruptDataError(
    source,
    reason,
    'Give a float32 checkpoint of llama2.c, version 0 (legacy) or 1.',
  );
}

function readHeader(bytes: Uint8Array, source: string): Header {
  if (bytes.length < 28) refuse(source, `has ${bytes.length} bytes, less than a header`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const isLegacy = view.getUint32(0, true) !== MAGIC;
  if (!isLegacy && bytes.length < 256) refuse(source, `has ${bytes.length} bytes, less than a header`);
  const version = isLegacy ? 0 : view.getInt32(4, true);
  if (version !== 0 && version !== 1) refuse(source, `is version ${version}`);
  const numbers = Array.from({ length: 7 }, (_, i) => view.getInt32((isLegacy ? 0 : 8) + 4 * i, true));
  const [dim, hiddenDim, layers, heads, keyValueHeads, vocab, maxPositions] = numbers as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const vocabSize = isLegacy ? Math.abs(vocab) : vocab;
  const sizes = { dim, hiddenDim, layers, heads, keyValueHeads, vocabSize, maxPositions };
  const wrong = Object.entries(sizes).find(([, size]) => size < 1);
  if (wrong !== undefined) refuse(source, `says ${wrong[0]} = ${wrong[1]}`);
  // legacy files say "own head" with a negative vocabulary
  const isTied = isLegacy ? vocab > 0 : view.getUint8(36) === 1;
  return { version, ...sizes, isTied, offset: isLegacy ? 28 : 256 };
}

function configOf(header: Header): JsonObject {
  return {
    architectures: ['LlamaForCausalLM'],
    model_type: 'llama',
    hidden_size: header.dim,
    intermediate_size: header.hiddenDim,
    num_hidden_layers: header.layers,
    num_attention_heads: header.heads,
    num_key_value_heads: header.keyValueHeads,
    vocab_size: header.vocabSize,
    max_position_embeddings: header.maxPositions,
    rms_norm_eps: 1e-5,
    rope_theta: 10000,
    hidden_act: 'silu',
    tie_word_embeddings: header.isTied,
    bos_token_id: 1,
    eos_token_id: 2,
    torch_dtype: 'float32',
  };
}

const EMBEDDING = 'model.embed_tokens.weight';
const NORM1 = 'input_layernorm.weight';
const NORM2 = 'post_attention_layernorm.weight';
const ATTENTION = ['q', 'k', 'v', 'o'].map((name) => `self_attn.${name}_proj.weight`);
// w1, w2, w3
const MLP = ['gate', 'down', 'up'].map((name) => `mlp.${name}_proj.weight`);

/** Names in the order of the file; one without `model.` or `lm_head` stands for all layers; null for tables. */
function fileOrder({ version, isTied }: Header): (string | null)[] {
  const head = isTied ? [] : ['lm_head.weight'];
  return version === 1
    ? [NORM1, NORM2, 'model.norm.weight', EMBEDDING, ...ATTENTION, ...MLP, ...head]
    : [EMBEDDING, NORM1, ...ATTENTION, NORM2, ...MLP, 'model.norm.weight', null, ...head];
}

/** Reorders rows of each head from llama2.c's pairs (2i, 2i+1) to transformers' halves (i, i + headDim/2). */
function interleavedToHalves(data: Float32Array, rows: number, headDim: number): Float32Array {
  const width = data.length / rows;
  const result = new Float32Array(data.length);
  for (let row = 0; row < rows; row++) {
    const [head, at] = [Math.floor(row / headDim) * headDim, row % headDim];
    const target = head + (at % 2) * (headDim / 2) + Math.floor(at / 2);
    result.set(data.subarray(row * width, (row + 1) * width), target * width);
  }
  return result;
}

function floats(bytes: Uint8Array, offset: number, source: string): Float32Array {
  if ((bytes.length - offset) % 4 !== 0)
    refuse(source, `${bytes.length} bytes are no whole number of weights`);
  return new Float32Array(new Uint8Array(bytes.subarray(offset)).buffer);
}

/**
 * A llama2.c checkpoint as a Llama with Hugging Face names: version 0 ("legacy_export") and 1, float32.
 * Throws CorruptDataError for other versions and for files whose length does not fit their header.
 */
export function readLlama2c(
  bytes: Uint8Array,
  source = 'checkpoint',
): { config: JsonObject; store: TensorStore } {
  const header = readHeader(bytes, source);
  const config = configOf(header);
  const parsed = parseLlamaConfig(config, source);
  const { parameters, sites } = layoutOf(llama, parsed);
  const rotated = new Set(
    sites.flatMap((site) =>
      site.kind === 'linear' && (site.role === 'attention-query' || site.role === 'attention-key')
        ? [`${site.name}.weight`]
        : [],
    ),
  );
  const weights = floats(bytes, header.offset, source);
  const tensors = new Map<string, HostTensor>();
  let at = 0;
  const take = (count: number): Float32Array => {
    if (at + count > weights.length)
      refuse(source, `ends after ${weights.length} weights, the header asks for more`);
    at += count;
    return weights.subarray(at - count, at);
  };
  const put = (name: string): void => {
    const { shape } = parameters.get(name)!;
    const data = take(shape.reduce((a, b) => a * b, 1));
    tensors.set(name, {
      shape,
      data: rotated.has(name) ? interleavedToHalves(data, shape[0]!, parsed.headDim) : data,
    });
  };
  for (const name of fileOrder(header)) {
    // the rotation tables, which every reader computes itself
    if (name === null) take(header.maxPositions * parsed.headDim);
    else if (parameters.has(name)) put(name);
    else for (let layer = 0; layer < header.layers; layer++) put(`model.layers.${layer}.${name}`);
  }
  if (at !== weights.length) refuse(source, `has ${weights.length} weights, the header asks for ${at}`);
  return { config, store: storeOfTensors(source, tensors) };
}
