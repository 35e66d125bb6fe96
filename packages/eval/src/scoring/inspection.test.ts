import type { Extension } from '@moect/core';
import { moeCt } from '@moect/experts';
import { createModel } from '@moect/models';
import { add, assign, createRng, memory, selectBackend, tensor } from '@moect/tensor';
import { beforeAll, describe, expect, it } from 'vitest';
import { documentOf, letters, tinyBase, tinyTokenizer } from '../testing/tiny-model.ts';
import { compareLogits } from './compare-logits.ts';
import { measureGates } from './measure-gates.ts';

const tokenizer = tinyTokenizer();
const documents = [
  documentOf(letters(20, 1), 'a', 'aaa_Latn'),
  documentOf(letters(7, 2), 'b', 'bbb_Latn'),
  documentOf('', 'c', 'ccc_Latn'),
];

let base: ReturnType<typeof tinyBase>;
let extension: Extension;

beforeAll(async () => {
  await selectBackend('wasm');
  base = tinyBase(16);
  extension = moeCt().attach(base, { numExperts: 3, topK: 2 }, createRng(3));
  const rng = createRng(4);
  for (const variable of extension.parameters.values()) {
    assign(variable, tensor(rng.normal(variable.size, 0, 0.5), variable.shape));
  }
});

describe('compareLogits', () => {
  it('finds every row bit-equal when every p is above the gate threshold', async () => {
    const result = await compareLogits({ base, extension, tokenizer, documents, gateThreshold: 0 });
    expect(result['aaa_Latn']).toEqual({
      tokens: 20,
      bitEqualTokens: 20,
      bitEqualShare: 1,
      maxAbsDifference: 0,
      tokensSentToBase: 20,
      maxAbsDifferenceSentToBase: 0,
    });
    expect(result['bbb_Latn']).toMatchObject({ tokens: 7, bitEqualShare: 1 });
    expect(result['ccc_Latn']).toMatchObject({ tokens: 0 });
  });

  it('finds rows that differ', async () => {
    const result = await compareLogits({ base, extension, tokenizer, documents });
    expect(result['aaa_Latn']!.bitEqualShare).toBeLessThan(0.5);
    expect(result['aaa_Latn']!.maxAbsDifference).toBeGreaterThan(0.01);
  });

  it('compares a base with the same base made anew, and finds one changed weight', async () => {
    const [reference, changed] = [tinyBase(16), tinyBase(16)];
    const equal = await compareLogits({ base, reference, tokenizer, documents });
    expect(equal['aaa_Latn']).toMatchObject({ tokens: 20, bitEqualTokens: 20, tokensSentToBase: null });
    const weight = changed.parameters.get('model.layers.1.mlp.down_proj.weight')!;
    const shifted = add(weight, tensor([1e-3], [1]));
    const parameters = new Map([
      ...changed.parameters,
      ['model.layers.1.mlp.down_proj.weight', shifted] as const,
    ]);
    const other = createModel(changed.config, parameters);
    const different = await compareLogits({ base: other, reference, tokenizer, documents });
    expect(different['aaa_Latn']!.bitEqualTokens).toBeLessThan(20);
    shifted.dispose();
  });

  it('leaks no tensor', async () => {
    const before = memory().numTensors;
    await compareLogits({ base, extension, tokenizer, documents });
    await measureGates({ base, extension, tokenizer, documents });
    expect(memory().numTensors).toBe(before);
  });
});

describe('measureGates', () => {
  it('gives p and load by site and language, padding left out', async () => {
    const together = await measureGates({ base, extension, tokenizer, documents, batchTokens: 128 });
    const alone = await measureGates({ base, extension, tokenizer, documents: [documents[1]!] });
    expect(Object.keys(together)).toEqual(['model.layers.0.mlp', 'model.layers.1.mlp']);
    for (const [site, byLanguage] of Object.entries(together)) {
      const { tokens, meanBaseWeight, expertLoad } = byLanguage['bbb_Latn']!;
      expect(tokens).toBe(7);
      expect(meanBaseWeight).toBeCloseTo(alone[site]!['bbb_Latn']!.meanBaseWeight!, 5);
      expect(expertLoad).toEqual(alone[site]!['bbb_Latn']!.expertLoad);
      expect(expertLoad).toHaveLength(3);
      expect(expertLoad!.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 12);
    }
  });

  it('sees the gate threshold', async () => {
    const closed = await measureGates({ base, extension, tokenizer, documents, gateThreshold: 0 });
    expect(closed['model.layers.0.mlp']!['aaa_Latn']).toMatchObject({ meanBaseWeight: 1, shareOnBase: 1 });
  });
});
