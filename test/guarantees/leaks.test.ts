import { wasmHeapBytes } from '@moect/backend-wasm';
import { createByteTokenizer } from '@moect/data';
import { createScorer } from '@moect/eval';
import { bayesianMixture, moeCt } from '@moect/experts';
import { createModel, generateCombined, initParameters } from '@moect/models';
import { activeBackend, createRng, memory, selectBackend } from '@moect/tensor';
import { testBackends } from '@moect/tensor/testing';
import { adamW, constant, train } from '@moect/trainer';
import { backend as tensorflowBackend } from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { byteBase, tinyBase, tinyData, VOCAB_SIZE } from '../support/tiny.ts';

/** 10,000 steps take half a minute: `MOECT_STEPS=10000 npx vitest run test/guarantees/leaks.test.ts`. */
const STEPS = Number(process.env['MOECT_STEPS'] ?? 1000);

/** A model whose steps take next to no time. */
const SMALLEST = {
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  hidden_size: 8,
  intermediate_size: 8,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  num_key_value_heads: 1,
  vocab_size: VOCAB_SIZE,
  max_position_embeddings: 8,
  rms_norm_eps: 1e-5,
  rope_theta: 10_000,
  tie_word_embeddings: false,
};

const tensorsInTensorflow = (): number =>
  (tensorflowBackend() as unknown as { getNumOfTFTensors(): number }).getNumOfTFTensors();

/** `inside`: bytes of the wasm heap, or tensors of TensorFlow's own. */
const alive = (): { tensors: number; inside: number } => ({
  tensors: memory().numTensors,
  inside: activeBackend() === 'tensorflow' ? tensorsInTensorflow() : wasmHeapBytes(),
});

const BACKENDS = testBackends().filter((name) => name !== 'cpu');

describe.each(BACKENDS)('what stays behind on %s', (backend) => {
  // TensorFlow takes a while for each of many small operations
  const steps = backend === 'wasm' ? STEPS : STEPS / 10;

  beforeAll(async () => {
    await selectBackend(backend);
  });

  it(`${steps} training steps leave tensors and heap where they were`, { timeout: 600_000 }, async () => {
    const base = createModel(SMALLEST, initParameters(SMALLEST, createRng(1)));
    const extension = moeCt().attach(base, {}, createRng(1));
    const totalSteps = steps;
    const counts = new Map<string, number>();
    const onStep = ({ step }: { readonly step: number }): void => {
      // the first step makes tables that later ones use
      if (step === 1) return;
      const { tensors, inside } = alive();
      const key = `${tensors} tensors, ${inside} inside`;
      counts.set(key, (counts.get(key) ?? 0) + 1);
    };
    await train({
      base,
      extension,
      data: tinyData(2, 4),
      totalSteps,
      optimizer: adamW(),
      schedule: constant({ learningRate: 1e-3, totalSteps }),
      callbacks: [{ contract: 'callback/1', name: 'count', onStep }],
    });
    expect([...counts.values()]).toEqual([totalSteps - 1]);
    extension.dispose();
    base.dispose();
  });

  it('evaluation and generation leave nothing', async () => {
    const base = byteBase();
    const tokenizer = createByteTokenizer();
    const extension = moeCt().attach(base, {}, createRng(1));
    const scorer = createScorer({ name: 'x', base, extension, tokenizer, batchTokens: 64 });
    const members = [
      { name: 'base', languages: ['eng_Latn'], model: base },
      { name: 'pack', languages: ['swh_Latn'], model: base, attachments: extension.attachments },
    ];
    const once = async (): Promise<void> => {
      await scorer.score([
        { id: 'a', language: 'eng_Latn', text: 'A short text of a few windows. '.repeat(4) },
        { id: 'b', language: 'swh_Latn', text: 'Maandishi mafupi.' },
      ]);
      const options = { maxNewTokens: 6, temperature: 1, seed: 3 };
      await generateCombined(members, bayesianMixture(), [256, 72, 105], options);
    };
    await once();
    const before = alive();
    for (let i = 0; i < 3; i++) await once();
    expect(alive()).toEqual(before);
    extension.dispose();
    base.dispose();
  });

  it('a disposed base and extension give everything back', async () => {
    const before = alive();
    const base = tinyBase();
    const extension = moeCt().attach(base, {}, createRng(1));
    expect(alive().tensors).toBeGreaterThan(before.tensors);
    extension.dispose();
    base.dispose();
    expect(alive()).toEqual(before);
  });
});
