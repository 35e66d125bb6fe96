import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { NoMatchingParameterError } from '@moect/core';
import { GGUF_TENSOR_TYPES, readGguf } from '@moect/safetensors';
import { openGguf } from '@moect/safetensors/node';
import { BLOCK_FORMATS, type BlockStorage, dispose, frozenStorageOf, tensor } from '@moect/tensor';
import { leakedTensors, maxDifference, selectBackend, testBackends } from '@moect/tensor/testing';
import { fixture, fixtureJson, fixtureTensors } from 'moect-test-support/fixtures';
import { beforeAll, describe, expect, it } from 'vitest';
import { generate } from '../generation/generate.ts';
import { type LoadedModel, loadModel } from '../hf/load-model.ts';
import type { LoadOptions } from '../hf/load-parameters.ts';
import { readGgufModel } from './load-gguf.ts';

const TYPES = ['f32', 'f16', 'bf16', 'q8_0', 'q4_0', 'q4_1', 'q5_0', 'q5_1', 'q4_k', 'q5_k', 'q6_k'];
const OTHERS = [
  'bloom',
  'gemma2',
  'gemma3-text-scaled',
  'gpt2',
  'gptneox',
  'llama-headdim',
  'llama-linear-rope',
  'llama-yarn',
  'llama3-rope-scaled',
  'mistral-sliding',
  'olmo2',
  'phi3',
  'qwen-v1',
  'qwen2-untied',
  'qwen3',
  'stories260k',
];
const STORAGES = ['file', 'float32'] as const;

const expected = fixtureTensors('gguf/expected.safetensors');

async function load(name: string, options: LoadOptions): Promise<LoadedModel> {
  const { files, weights } = await readGgufModel(
    await readGguf(await readFile(fixture(`gguf/${name}.gguf`))),
  );
  return loadModel(files, weights, options);
}

/** The limit of the other families' logits: ten times what float32 and float64 of PyTorch differ by. */
const LIMIT = 3e-4;

describe.each(testBackends())('GGUF models against PyTorch on %s', (backend) => {
  beforeAll(async () => void (await selectBackend(backend)));

  describe.each([...TYPES.map((type) => `llama-${type}`), ...OTHERS])('%s', (name) => {
    it.each(STORAGES)('logits, matrices kept as %s', async (frozenStorage) => {
      const { model } = await load(name, { frozenStorage });
      const { data, shape } = expected.get(`${name}.input_ids`)!;
      const tokens = tensor(data, shape, 'int32');
      const { logits } = model.forward(tokens, {});
      const wanted = expected.get(`${name}.logits`)!;
      expect(logits.shape).toEqual(wanted.shape);
      expect(maxDifference(await logits.data(), wanted.data)).toBeLessThan(LIMIT);
      dispose([tokens, logits]);
      model.dispose();
    });
  });

  it.each(TYPES)('%s: cached generation is that of the widened matrices', async (type) => {
    const ids: (readonly number[])[] = [];
    for (const frozenStorage of STORAGES) {
      const { model } = await load(`llama-${type}`, { frozenStorage });
      ids.push((await generate(model, [3, 4, 5], { maxNewTokens: 12 })).tokens);
      model.dispose();
    }
    expect(ids[0]).toHaveLength(12);
    expect(ids[0]).toEqual(ids[1]);
  });
});

describe('weights of a GGUF file', () => {
  beforeAll(async () => void (await selectBackend('cpu')));

  const digest = (values: ArrayBufferView): string =>
    createHash('sha256')
      .update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength))
      .digest('hex');

  it.each(TYPES)('%s: each is what transformers reads, bit for bit, before it is stored', async (type) => {
    const { sha256 } =
      fixtureJson<Record<string, { sha256: Record<string, string> }>>('gguf/expected.json')[`llama-${type}`]!;
    for (const frozenStorage of STORAGES) {
      const seen: Record<string, string> = {};
      const onWeight: LoadOptions['onWeight'] = async (name, weight) => {
        seen[name] = digest(await weight.data());
      };
      (await load(`llama-${type}`, { frozenStorage, onWeight })).model.dispose();
      expect(seen).toEqual(sha256);
    }
  });

  it.each(TYPES)('%s: matrices keep the type of the file, vectors are float32', async (type) => {
    const { model } = await load(`llama-${type}`, { frozenStorage: 'file' });
    const own = { f32: 'float32', bf16: 'bfloat16', f16: 'float16' }[type] ?? type;
    const storages = [...model.parameters].map(([name, weight]) => [name, frozenStorageOf(weight)]);
    const kept = Object.fromEntries(storages);
    expect(kept['model.embed_tokens.weight']).toBe(own);
    expect(kept['model.layers.1.self_attn.q_proj.weight']).toBe(own);
    expect(kept['model.norm.weight']).toBe('float32');
    // rows of 32 values are no whole blocks of the K types, so llama.cpp keeps them otherwise
    expect(kept['model.layers.1.mlp.down_proj.weight']).toBe(type.endsWith('_k') ? 'q8_0' : own);
    model.dispose();
  });

  it('the sizes of blocks are those of the kernels', async () => {
    const ours = GGUF_TENSOR_TYPES.filter(({ name }) => name !== 'F32' && name !== 'BF16');
    expect(ours).toHaveLength(Object.keys(BLOCK_FORMATS).length);
    for (const { name, values, bytes } of ours) {
      const storage = name === 'F16' ? 'float16' : (name.toLowerCase() as BlockStorage);
      expect(BLOCK_FORMATS[storage]).toMatchObject({ values, bytes });
    }
  });

  it('a file is read part by part: from a path as from bytes, and nothing leaks', async () => {
    const file = await openGguf(fixture('gguf/llama-q4_k.gguf'));
    const { files, weights } = await readGgufModel(file);
    const leaked = await leakedTensors(async () => {
      (await loadModel(files, weights, { frozenStorage: 'file' })).model.dispose();
    });
    expect(leaked).toBe(0);
    await file.close();
    await expect(weights.tensor('lm_head.weight')).rejects.toThrow(NoMatchingParameterError);
  });

  it('scales that are no finite numbers are found in blocks and in values', async () => {
    const bytes = await readFile(fixture('gguf/llama-q4_0.gguf'));
    const { begin } = (await readGguf(bytes)).entries.get('blk.1.ffn_up.weight')!;
    bytes.writeUInt16LE(0x7c00, begin + 3 * 18);
    const { files, weights } = await readGgufModel(await readGguf(bytes));
    const inBlocks = loadModel(files, weights, { frozenStorage: 'file' });
    await expect(inBlocks).rejects.toThrow(
      /blk\.1\.ffn_up\.weight.*block 3 has a scale that is no finite number/,
    );
    await expect(loadModel(files, weights)).rejects.toThrow(/blk\.1\.ffn_up\.weight.*element 96 is/);
  });
});
