import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { initParameters } from '@moect/models';
import { writeSafetensorsFile } from '@moect/safetensors/node';
import { createRng, dispose } from '@moect/tensor';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { opt } from '../../examples/custom-family/parts.mjs';
import { runHere } from '../../packages/moect/src/testing/run-cli.ts';
import { makeTinyWorld, type TinyWorld } from '../../packages/moect/src/testing/tiny-world.ts';

const examples = path.resolve(import.meta.dirname, '../../examples');
const partsOf = (example: string): string => path.join(examples, `custom-${example}/parts.mjs`);

/** Settings of the flags of `moect train` besides `--parts`. */
const CASES: readonly {
  readonly example: string;
  readonly flags: readonly string[];
  readonly part: string;
}[] = [
  {
    example: 'router',
    flags: [
      '--preset',
      'moe-ct-mixture',
      '--method',
      '{ numExperts: 3, router: { type: cosine, scale: 5 } }',
    ],
    part: "router 'cosine'",
  },
  {
    example: 'expert',
    flags: ['--preset', 'moe-ct-mixture', '--method', '{ expert: { type: low-rank, rank: 4 } }'],
    part: "expert 'low-rank'",
  },
  {
    example: 'fusion',
    flags: ['--preset', 'moe-ct-mixture', '--method', '{ fusion: { type: layer-weight } }'],
    part: "fusion 'layer-weight'",
  },
  { example: 'method', flags: ['--preset', 'bottleneck-adapter'], part: "method 'bottleneck-adapter'" },
  { example: 'family', flags: ['--preset', 'moe-ct-mixture'], part: 'OPTForCausalLM|opt' },
];

/** A random OPT with the tokenizer of the other tiny base. */
async function makeOptBase(world: TinyWorld): Promise<void> {
  const config = {
    model_type: 'opt',
    vocab_size: 258,
    hidden_size: 16,
    ffn_dim: 24,
    num_hidden_layers: 2,
    num_attention_heads: 2,
    max_position_embeddings: 64,
    initializer_range: 0.2,
    bos_token_id: 256,
    eos_token_id: 257,
  };
  await mkdir(world.at('opt'));
  await writeFile(world.at('opt/config.json'), JSON.stringify(config));
  for (const name of ['tokenizer.json', 'tokenizer_config.json']) {
    await copyFile(world.at('base', name), world.at('opt', name));
  }
  const parameters = initParameters(config, createRng(4), { families: [opt] });
  const tensors = new Map<string, { shape: number[]; data: Float32Array }>();
  for (const [name, parameter] of parameters) {
    tensors.set(name, { shape: parameter.shape, data: (await parameter.data()) as Float32Array });
  }
  await writeSafetensorsFile(world.at('opt/model.safetensors'), tensors);
  dispose(parameters);
}

describe('parts of one’s own through the command line', { timeout: 120_000 }, () => {
  let world: TinyWorld;
  beforeAll(async () => {
    world = await makeTinyWorld();
    await makeOptBase(world);
  });
  afterAll(() => world.remove());

  it.each(CASES)(
    '$example: trains, compares and generates with --parts',
    async ({ example, flags, part }) => {
      const base = ['--base', world.at(example === 'family' ? 'opt' : 'base')];
      const parts = ['--parts', partsOf(example)];
      const texts = ['--text', world.at('swh_Latn.txt'), '--tokens', '6000'];
      const train = ['train', ...base, ...parts, ...texts, ...flags, '--output', world.at(example)];
      const trained = await runHere(train);
      expect(trained.code, trained.stderr).toBe(0);
      expect(trained.stderr).toContain(`--parts ${partsOf(example)}`);
      expect(trained.stdout).toMatch(/swh_Latn +new +\d\.\d{4} +\d\.\d{4} +-\d+\.\d\d %/);

      const folder = world.at(example, 'extension');
      const info = JSON.parse(await readFile(path.join(folder, 'moect_config.json'), 'utf8'));
      expect(info.parts).toEqual([expect.objectContaining({ kind: example, from: 'parts.mjs' })]);

      const pack = [...base, '--extension', folder];
      const held = ['--text', world.at(example, 'held-out/swh_Latn.jsonl'), world.at('eng_Latn.txt')];
      const compare = ['compare', ...pack, ...held, '--output', world.at(`${example}-compared`)];
      const compared = await runHere([...compare, ...parts, '--resamples', '50', '--old', 'eng_Latn']);
      expect(compared.code, compared.stderr).toBe(0);
      expect(compared.stdout).toMatch(/swh_Latn +new.*-\d+\.\d\d %/);
      const generate = ['generate', ...pack, '--prompt', 'habari ', '--max-new-tokens', '8'];
      expect((await runHere([...generate, ...parts])).code).toBe(0);

      const without = await runHere(generate);
      expect(without.code).toBe(65);
      expect(without.stderr).toMatch(new RegExp(part));
      expect(without.stderr).toContain('--parts');
    },
  );

  it('repeats such a run from its resolved.json, and refuses modules that are none', async () => {
    const again = await runHere(['train', world.at('router/resolved.json'), '--output', world.at('again')]);
    expect(again.code, again.stderr).toBe(0);
    const file = 'extension/moect_model.safetensors';
    const [a, b] = [await readFile(world.at('router', file)), await readFile(world.at('again', file))];
    expect(a.equals(b)).toBe(true);
    await writeFile(world.at('wrong.mjs'), 'export const parts = { routesr: {}, experts: [] };');
    const wrong = await runHere([
      'generate',
      '--base',
      world.at('base'),
      '--prompt',
      'x',
      '--parts',
      world.at('wrong.mjs'),
    ]);
    expect(wrong.stderr).toMatch(/routesr: is no kind of parts\. Did you mean 'routers'\?/);
    expect(wrong.stderr).toMatch(/experts: must be an object/);
    expect(wrong.code).toBe(65);
  });
});
