import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { resetWasmHeapPeak, wasmHeapStatistics } from '@moect/backend-wasm';
import { frozenStorageOf } from '@moect/tensor';
import { type Base, openBase, planTraining, train } from 'moect';
import { randomBlocks } from 'moect-test-support/random-blocks';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { demoTexts } from '../support/demo-texts.ts';
import { type GgufKey, type GgufTensorToWrite, writeGguf } from '../support/write-gguf.ts';

/** The shape of TinyLlama. */
const [LAYERS, HIDDEN, INNER, HEADS, GROUPS, VOCABULARY] = [22, 2048, 5632, 32, 4, 32_000];
const KEYS = (HIDDEN / HEADS) * GROUPS;

/** Control tokens, the 256 bytes, and words that no text has. */
const TOKENS = Array.from({ length: VOCABULARY }, (_, id) => {
  if (id < 3) return ['<unk>', '<s>', '</s>'][id]!;
  return id < 259 ? `<0x${(id - 3).toString(16).toUpperCase().padStart(2, '0')}>` : `▁#${id}`;
});

const HEADER: Readonly<Record<string, GgufKey>> = {
  'general.architecture': 'llama',
  'llama.context_length': 2048,
  'llama.embedding_length': HIDDEN,
  'llama.block_count': LAYERS,
  'llama.feed_forward_length': INNER,
  'llama.attention.head_count': HEADS,
  'llama.attention.head_count_kv': GROUPS,
  'llama.attention.layer_norm_rms_epsilon': { float: 1e-5 },
  'llama.rope.freq_base': { float: 10_000 },
  'tokenizer.ggml.model': 'llama',
  'tokenizer.ggml.tokens': TOKENS,
  'tokenizer.ggml.scores': { kind: 'float', values: TOKENS.map((_, id) => -id) },
  'tokenizer.ggml.token_type': {
    kind: 'int',
    values: TOKENS.map((_, id) => (id < 3 ? (id === 0 ? 2 : 3) : id < 259 ? 6 : 1)),
  },
  'tokenizer.ggml.bos_token_id': 1,
  'tokenizer.ggml.eos_token_id': 2,
};

function tensors(): GgufTensorToWrite[] {
  const made: GgufTensorToWrite[] = [];
  const matrix = (name: string, rows: number, columns: number): void => {
    const seed = made.length;
    const bytes = (): Uint8Array => randomBlocks('q4_k', rows, columns, seed).codes;
    made.push({ name: `${name}.weight`, type: 'Q4_K', shape: [rows, columns], bytes });
  };
  const norm = (name: string): void => {
    const bytes = (): Uint8Array => new Uint8Array(new Float32Array(HIDDEN).fill(1).buffer);
    made.push({ name: `${name}.weight`, type: 'F32', shape: [HIDDEN], bytes });
  };
  matrix('token_embd', VOCABULARY, HIDDEN);
  for (let layer = 0; layer < LAYERS; layer++) {
    const at = (name: string): string => `blk.${layer}.${name}`;
    norm(at('attn_norm'));
    matrix(at('attn_q'), HIDDEN, HIDDEN);
    matrix(at('attn_k'), KEYS, HIDDEN);
    matrix(at('attn_v'), KEYS, HIDDEN);
    matrix(at('attn_output'), HIDDEN, HIDDEN);
    norm(at('ffn_norm'));
    matrix(at('ffn_gate'), INNER, HIDDEN);
    matrix(at('ffn_up'), INNER, HIDDEN);
    matrix(at('ffn_down'), HIDDEN, INNER);
  }
  norm('output_norm');
  matrix('output', VOCABULARY, HIDDEN);
  return made;
}

describe('a base of 1.1 billion weights in a GGUF file of Q4_K', { timeout: 1_200_000 }, () => {
  let folder: string;
  let base: Base;
  let texts: Record<string, string[]>;
  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'moect-large-'));
    const file = path.join(folder, 'large.gguf');
    await writeGguf(file, HEADER, tensors());
    base = await openBase(file, { backend: 'wasm' });
    texts = await demoTexts();
  }, 600_000);
  afterAll(async () => {
    base?.dispose();
    await rm(folder, { recursive: true });
  });

  it('is held in its blocks', () => {
    expect(base.parameterCount).toBe(1_100_048_384);
    expect(frozenStorageOf(base.model.parameters.get('lm_head.weight')!)).toBe('q4_k');
  });

  it.each([
    { preset: 'moe-ct-mixture', old: [], limit: 4 },
    { preset: 'lora-ct', old: ['english'], limit: 1.5 },
  ])(
    '$preset trains three steps within $limit GiB of wasm memory, and the plan says how much within 15 %',
    async ({ preset, old, limit }) => {
      const asked = {
        preset,
        languages: { swh_Latn: texts['swahili']! },
        replay: Object.fromEntries(old.map((name) => ['eng_Latn', texts[name]!])),
        data: { sequenceLength: 64, heldOut: 0 },
        training: { steps: 3, batchSize: 1 },
      };
      const { memory, problems } = await planTraining(base, asked);
      expect(problems).toEqual([]);
      const losses: number[] = [];
      let peak = 0;
      const measure = {
        contract: 'callback/1' as const,
        name: 'measure',
        onStart: resetWasmHeapPeak,
        onStep({ loss }: { readonly loss: number }): void {
          losses.push(loss);
          peak = wasmHeapStatistics()!.peakBytes;
        },
      };
      const pack = await train(base, { ...asked, callbacks: [measure] });
      pack.dispose();
      const { peakBytes, usedBytes } = memory.heap!;
      const gib = (bytes: number): string => (bytes / 2 ** 30).toFixed(3);
      console.log(`${preset}: ${gib(peak)} GiB taken, ${gib(peakBytes)} planned (heap of ${gib(usedBytes)})`);
      expect(losses).toHaveLength(3);
      expect(losses.every(Number.isFinite)).toBe(true);
      expect(Math.abs(peakBytes / peak - 1)).toBeLessThan(0.15);
      expect(peak).toBeLessThan(limit * 2 ** 30);
    },
  );
});
