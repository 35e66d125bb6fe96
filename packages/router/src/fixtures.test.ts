import type { Tensor } from '@moect/core';
import { dispose, mean, slice, stack, tensor, valueAndGrads } from '@moect/tensor';
import { selectBackend, testBackends } from '@moect/tensor/testing';
import { type FixtureTensor, fixtureJson, fixtureTensors } from 'moect-test-support/fixtures';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadBalancingLoss, routerZLoss } from './load-balancing-loss.ts';
import { topKRouter } from './top-k-router.ts';

/** Tensors of one case, as transformers 5.23 computed them (test/fixtures/README.md). */
function read(name: string): (key: string) => FixtureTensor {
  const tensors = fixtureTensors(`routing/${name}.safetensors`);
  return (key) => tensors.get(key)!;
}

async function expectClose(given: Tensor, expected: ArrayLike<number>, tolerance: number): Promise<void> {
  const values = [...(await given.data())];
  expect(values.length).toBe(expected.length);
  const worst = values.reduce((most, value, i) => Math.max(most, Math.abs(value - expected[i]!)), 0);
  expect(worst).toBeLessThan(tolerance);
}

describe.each(testBackends())('against transformers, on %s', (backend) => {
  beforeAll(async () => void (await selectBackend(backend)));

  it.each([
    ['mixtral', 2, true],
    ['olmoe', 3, false],
    ['qwen2-moe-norm-true', 2, true],
    ['qwen2-moe-norm-false', 2, false],
    ['qwen3-moe-norm-true', 3, true],
    ['qwen3-moe-norm-false', 3, false],
  ])('%s routes alike', async (name, topK, renormalize) => {
    const fixture = read(name);
    const hidden = tensor(fixture('input').data, [20, 16]);
    const weight = tensor(fixture('weights.gate.weight').data, fixture('weights.gate.weight').shape);
    const result = topKRouter({ topK, renormalize }).route({ weight }, hidden, { training: false });
    expect([...(await result.expertIndices.data())]).toEqual([...fixture('topk_index').data]);
    await expectClose(result.logits, fixture('router_logits').data, 1e-5);
    await expectClose(result.expertWeights, fixture('topk_weights').data, 1e-6);
    const loss = loadBalancingLoss(result.logits, { topK, form: 'mixtral' });
    await expectClose(loss, fixture('aux_loss').data, 1e-5);
    dispose([hidden, weight, result, loss]);
  });

  it('pools layers and masks padding as Mixtral does, with its gradients', async () => {
    const names = [0, 1, 2].map((layer) => `router_logits.${layer}`);
    const fixture = read('load-balancing');
    const { values } = fixtureJson<{ values: Record<string, number> }>('routing/load-balancing.json');
    const layers = names.map((name) => tensor(fixture(name).data, [20, 8]));
    const paddingMask = tensor(Float32Array.from(fixture('attention_mask').data), [20]);
    for (const topK of [1, 2, 3]) {
      for (const masked of ['no_mask', 'mask']) {
        const { value, gradients } = valueAndGrads(
          () =>
            loadBalancingLoss(layers, { topK, form: 'mixtral', ...(masked === 'mask' && { paddingMask }) }),
          new Map(layers.map((layer, i) => [names[i]!, layer])),
        );
        const expected = values[`top${topK}.${masked}`]!;
        await expectClose(value, [expected], 1e-5);
        for (const [i, name] of names.entries()) {
          const key = `grad.top${topK}.${masked}.${i}`;
          await expectClose(gradients.get(name)!, fixture(key).data, 1e-6);
        }
        dispose([value, [...gradients.values()]]);
      }
    }
    dispose([layers, paddingMask]);
  });

  it('has the losses of Switch Transformers', async () => {
    const fixture = read('switch-losses');
    const logits = tensor(fixture('router_logits').data, [20, 8]);
    const expected = fixtureJson<{ z_loss: number; aux_loss: number }>('routing/switch-losses.json');
    const z = routerZLoss(logits);
    await expectClose(z, [expected.z_loss], 2e-5);
    // its balance loss is per row of the batch, then averaged
    const rows = [0, 1].map((row) => slice(logits, [10 * row, 0], [10, 8]));
    const losses = rows.map((row) => loadBalancingLoss(row, { topK: 1 }));
    const stacked = stack(losses);
    const balance = mean(stacked);
    await expectClose(balance, [expected.aux_loss], 1e-6);
    dispose([logits, z, rows, losses, stacked, balance]);
  });
});
