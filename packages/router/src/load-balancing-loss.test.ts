import { add, createRng, dispose, mul, type scalar, tensor, valueAndGrads } from '@moect/tensor';
import { checkGradients, leakedTensors, selectBackend, testBackends } from '@moect/tensor/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadBalancingLoss, routerZLoss } from './load-balancing-loss.ts';

type Tensor = ReturnType<typeof scalar>;

const read = async (x: Tensor): Promise<number> => {
  const [value] = await x.data();
  x.dispose();
  return value!;
};

/** Logits whose softmax is one-hot at the given experts. */
const oneHotLogits = (experts: number[], numExperts: number): Tensor =>
  tensor(
    experts.flatMap((expert) => Array.from({ length: numExperts }, (_, i) => (i === expert ? 100 : 0))),
    [experts.length, numExperts],
  );

// the closed forms of docs/routing.md §4
describe.each(testBackends())('router losses on %s (law 9)', (backend) => {
  beforeAll(async () => void (await selectBackend(backend)));

  it('are 1 (Switch) and k (Mixtral) for a balanced load', async () => {
    const logits = oneHotLogits([0, 1, 2, 3], 4);
    expect(await read(loadBalancingLoss(logits, { topK: 1 }))).toBeCloseTo(1, 6);
    expect(await read(loadBalancingLoss(logits, { topK: 2, form: 'mixtral' }))).toBeGreaterThan(1);
    const uniform = tensor(Array(16).fill(0.3), [4, 4]);
    expect(await read(loadBalancingLoss(uniform, { topK: 2 }))).toBeCloseTo(1, 6);
    expect(await read(loadBalancingLoss(uniform, { topK: 2, form: 'mixtral' }))).toBeCloseTo(2, 6);
    dispose([logits, uniform]);
  });

  it('are E when one expert has everything', async () => {
    const logits = oneHotLogits([2, 2, 2], 5);
    expect(await read(loadBalancingLoss(logits, { topK: 1 }))).toBeCloseTo(5, 5);
    dispose(logits);
  });

  it('are (log E)² for the z-loss of zero logits', async () => {
    const logits = tensor(Array(12).fill(0), [3, 4]);
    expect(await read(routerZLoss(logits))).toBeCloseTo(Math.log(4) ** 2, 6);
    dispose(logits);
  });

  it('do not change with padding or with a doubled batch', async () => {
    const values = createRng(8).normal(6 * 4);
    const logits = tensor(values, [6, 4]);
    const doubled = tensor([...values, ...values], [12, 4]);
    const padded = tensor([...values, ...createRng(9).normal(8, 0, 20)], [8, 4]);
    const paddingMask = tensor([1, 1, 1, 1, 1, 1, 0, 0], [8]);
    const expected = await read(loadBalancingLoss(logits, { topK: 2 }));
    expect(await read(loadBalancingLoss(doubled, { topK: 2 }))).toBeCloseTo(expected, 6);
    expect(await read(loadBalancingLoss(padded, { topK: 2, paddingMask }))).toBeCloseTo(expected, 6);
    const z = await read(routerZLoss(logits));
    expect(await read(routerZLoss(doubled))).toBeCloseTo(z, 5);
    expect(await read(routerZLoss(padded, paddingMask))).toBeCloseTo(z, 5);
    dispose([logits, doubled, padded, paddingMask]);
  });

  it('are constant for a single expert', async () => {
    const logits = tensor(createRng(1).normal(5), [5, 1]);
    const { value, gradients } = valueAndGrads(
      () => loadBalancingLoss(logits, { topK: 1 }),
      new Map([['z', logits]]),
    );
    expect(await read(value)).toBeCloseTo(1, 6);
    for (const gradient of await gradients.get('z')!.data()) expect(Math.abs(gradient)).toBeLessThan(1e-7);
    dispose([logits, [...gradients.values()]]);
  });

  it('permute their gradient with the experts', async () => {
    const permutation = [2, 0, 3, 1];
    const values = createRng(12).normal(5 * 4);
    const gradientOf = async (x: Tensor): Promise<number[]> => {
      const { value, gradients } = valueAndGrads(
        () => add(loadBalancingLoss(x, { topK: 2 }), mul(routerZLoss(x), 0.1)),
        new Map([['z', x]]),
      );
      const gradient = [...(await gradients.get('z')!.data())];
      dispose([x, value, [...gradients.values()]]);
      return gradient;
    };
    const permuted = Array.from({ length: 20 }, (_, at) => values[at - (at % 4) + permutation[at % 4]!]!);
    const plain = await gradientOf(tensor(values, [5, 4]));
    const moved = await gradientOf(tensor(permuted, [5, 4]));
    for (const [at, gradient] of moved.entries()) {
      expect(gradient).toBeCloseTo(plain[at - (at % 4) + permutation[at % 4]!]!, 6);
    }
  });

  it('agree with finite differences, and use given counts as they are', async () => {
    const logits = [{ data: createRng(21).normal(6 * 4), shape: [6, 4] }];
    const counts = tensor([5, 1, 3, 3], [4]);
    for (const run of [
      ([z]: Tensor[]) => loadBalancingLoss(z!, { topK: 2, tokensPerExpert: counts }),
      ([z]: Tensor[]) => routerZLoss(z!),
    ]) {
      const { error, where } = await checkGradients(run, logits);
      expect(error, where).toBeLessThan(1e-3);
    }
    counts.dispose();
  });

  it('leak nothing', async () => {
    const logits = tensor(createRng(1).normal(12), [3, 4]);
    const once = (): void => {
      dispose([loadBalancingLoss([logits, logits], { topK: 2 }), routerZLoss(logits)]);
    };
    once();
    expect(await leakedTensors(once)).toBe(0);
    logits.dispose();
  });
});
