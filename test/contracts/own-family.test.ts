import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createModel, initParameters } from '@moect/models';
import { loadHuggingFaceFolder } from '@moect/models/node';
import { testBaseModel } from '@moect/models/testing';
import { writeSafetensorsFile } from '@moect/safetensors/node';
import { createRng, dispose, selectBackend, tensor } from '@moect/tensor';
import { expect, it } from 'vitest';
import { opt } from '../../examples/custom-family/parts.mjs';

const config = {
  model_type: 'opt',
  vocab_size: 40,
  hidden_size: 16,
  ffn_dim: 24,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  max_position_embeddings: 64,
  initializer_range: 0.4,
};
const families = [opt];

testBaseModel({
  name: 'a family written outside the packages',
  create: () => createModel(config, initParameters(config, createRng(3), { families }), { families }),
});

it('loads from a folder through the registry, and is unknown without it', async () => {
  await selectBackend('wasm');
  const folder = await mkdtemp(join(tmpdir(), 'moect-opt-'));
  const parameters = initParameters(config, createRng(3), { families });
  const onHost = [...parameters].map(async ([name, weight]) => {
    const data = (await weight.data()) as Float32Array;
    return [name, { shape: weight.shape, data }] as const;
  });
  await writeFile(join(folder, 'config.json'), JSON.stringify(config));
  await writeSafetensorsFile(join(folder, 'model.safetensors'), await Promise.all(onHost));
  await expect(loadHuggingFaceFolder(folder)).rejects.toThrow(/is "opt", known: .*given as `families`/s);
  const { model } = await loadHuggingFaceFolder(folder, { families });
  const own = createModel(config, parameters, { families });
  const tokens = tensor([5, 3, 8], [1, 3], 'int32');
  const [loaded, made] = [model.forward(tokens), own.forward(tokens)];
  expect(model.architecture).toBe('opt');
  expect(await loaded.logits.data()).toEqual(await made.logits.data());
  dispose([tokens, loaded, made]);
  model.dispose();
  own.dispose();
  await rm(folder, { recursive: true });
});
