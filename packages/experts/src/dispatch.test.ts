import type { ParamTree, Tensor } from '@moect/core';
import { loadBalancingLoss, topKRouter } from '@moect/router';
import {
  add,
  concat,
  createRng,
  dispose,
  mul,
  ones,
  randomNormal,
  reshape,
  slice,
  sum,
  tensor,
  tidy,
  valueAndGrads,
} from '@moect/tensor';
import { leakedTensors, maxDifference, selectBackend, testBackends } from '@moect/tensor/testing';
import { fixtureTensors } from 'moect-test-support/fixtures';
import { beforeAll, describe, expect, it } from 'vitest';
import { applySingleExpert, dispatchToExperts } from './dispatch.ts';
import { swigluExpert } from './swiglu-expert.ts';

const expert = swigluExpert({ size: 4, init: 'zero-down' });
const D = 5;

const read = async (x: Tensor): Promise<Float32Array> => Float32Array.from(await x.data());

function makeParams(numExperts: number): ParamTree {
  const rng = createRng(77);
  return {
    gate_proj: { weight: randomNormal(rng, [numExperts, 4, D], 0.5) },
    up_proj: { weight: randomNormal(rng, [numExperts, 4, D], 0.5) },
    down_proj: { weight: randomNormal(rng, [numExperts, D, 4], 0.5) },
  };
}

const weightOf = (params: ParamTree, name: string): Tensor =>
  (params[name] as Record<string, Tensor>)['weight']!;

/** Σⱼ wⱼ · down(silu(gate x) · up x) in float64, one token after another. */
async function reference(
  params: ParamTree,
  hidden: Float32Array,
  indices: ArrayLike<number>,
  weights: ArrayLike<number>,
  topK: number,
): Promise<Float64Array> {
  const [gate, up, down] = await Promise.all(
    ['gate_proj', 'up_proj', 'down_proj'].map((name) => read(weightOf(params, name))),
  );
  const out = new Float64Array(hidden.length);
  for (let slot = 0; slot < indices.length; slot++) {
    const [token, e] = [Math.floor(slot / topK), indices[slot]!];
    for (let j = 0; j < 4; j++) {
      let [g, u] = [0, 0];
      for (let i = 0; i < D; i++) {
        g += gate![(e * 4 + j) * D + i]! * hidden[token * D + i]!;
        u += up![(e * 4 + j) * D + i]! * hidden[token * D + i]!;
      }
      const inner = (g / (1 + Math.exp(-g))) * u * weights[slot]!;
      for (let i = 0; i < D; i++) out[token * D + i]! += inner * down![(e * D + i) * 4 + j]!;
    }
  }
  return out;
}

describe.each(testBackends())('dispatch on %s', (backend) => {
  beforeAll(async () => void (await selectBackend(backend)));

  it.each([
    [1, 4],
    [2, 2],
    [2, 6],
    [3, 5],
  ])('top-%i of %i is the sum over chosen experts', async (topK, numExperts) => {
    const params = makeParams(numExperts);
    const hidden = randomNormal(createRng(4), [11, D], 1);
    const rng = createRng(8);
    // distinct experts for each token; one expert gets no token
    const chosen = Array.from({ length: 11 }, () => {
      const order = Array.from({ length: Math.max(topK, numExperts - 1) }, (_, e) => e);
      return order.sort(() => rng.next() - 0.5).slice(0, topK);
    }).flat();
    const expertIndices = tensor(chosen, [11, topK], 'int32');
    const expertWeights = tensor(rng.uniform(11 * topK), [11, topK]);
    const given = dispatchToExperts(expert, params, hidden, { expertIndices, expertWeights }, numExperts);
    const expected = await reference(params, await read(hidden), chosen, await read(expertWeights), topK);
    expect(maxDifference(await read(given), expected)).toBeLessThan(1e-5);
    dispose([params, hidden, expertIndices, expertWeights, given]);
  });

  it('gives a token the same alone and among others (law 7)', async () => {
    const params = makeParams(4);
    const router = topKRouter({ topK: 2 });
    const weight = randomNormal(createRng(5), [4, D], 1);
    const run = (x: Tensor): Tensor =>
      tidy(() => dispatchToExperts(expert, params, x, router.route({ weight }, x, { training: false }), 4));
    const hidden = randomNormal(createRng(6), [9, D], 1);
    const together = run(hidden);
    const all = await read(together);
    for (const token of [0, 5, 8]) {
      const one = slice(hidden, [token, 0], [1, D]);
      const alone = run(one);
      expect(maxDifference(await read(alone), all.subarray(token * D, (token + 1) * D))).toBeLessThan(1e-6);
      dispose([one, alone]);
    }
    dispose([params, weight, hidden, together]);
  });

  it('permutes gradients when experts are permuted (law 5)', async () => {
    const order = [2, 0, 1];
    const params = makeParams(3);
    const weight = randomNormal(createRng(5), [3, D], 1);
    const hidden = randomNormal(createRng(6), [8, D], 1);
    const permuted = (x: Tensor): Tensor =>
      concat(order.map((e) => slice(x, [e, ...x.shape.slice(1).map(() => 0)], [1, ...x.shape.slice(1)])));
    const swapped = {
      gate_proj: { weight: permuted(weightOf(params, 'gate_proj')) },
      up_proj: { weight: permuted(weightOf(params, 'up_proj')) },
      down_proj: { weight: permuted(weightOf(params, 'down_proj')) },
    };
    const projection = randomNormal(createRng(9), [8, D], 1);
    const run = async (tree: ParamTree, routerWeight: Tensor): Promise<[number, Float32Array[]]> => {
      const named = new Map([
        ['router', routerWeight],
        ['gate', weightOf(tree, 'gate_proj')],
        ['down', weightOf(tree, 'down_proj')],
      ]);
      const { value, gradients } = valueAndGrads(() => {
        const routing = topKRouter({ topK: 2 }).route({ weight: routerWeight }, hidden, { training: true });
        return sum(mul(dispatchToExperts(expert, tree, hidden, routing, 3), projection));
      }, named);
      const read3 = await Promise.all([...named.keys()].map((name) => read(gradients.get(name)!)));
      const [total] = await read(value);
      dispose([value, [...gradients.values()]]);
      return [total!, read3];
    };
    const movedWeight = permuted(weight);
    const [plain, plainGradients] = await run(params, weight);
    const [moved, movedGradients] = await run(swapped, movedWeight);
    expect(moved).toBeCloseTo(plain, 5);
    for (const [i, gradient] of movedGradients.entries()) {
      const each = gradient.length / 3;
      for (const [at, from] of order.entries()) {
        const [a, b] = [gradient.subarray(at * each, (at + 1) * each), plainGradients[i]!];
        expect(maxDifference(a, b.subarray(from * each, (from + 1) * each))).toBeLessThan(1e-5);
      }
    }
    dispose([params, weight, hidden, swapped, projection, movedWeight]);
  });

  it('is the same for one expert through the router and without it (law 5)', async () => {
    const params = makeParams(1);
    const hidden = randomNormal(createRng(6), [6, D], 1);
    const single = applySingleExpert(expert, params, hidden);
    const expected = await reference(params, await read(hidden), [0, 0, 0, 0, 0, 0], Array(6).fill(1), 1);
    expect(maxDifference(await read(single), expected)).toBeLessThan(1e-5);
    dispose([params, hidden, single]);
  });

  it('leaks nothing', async () => {
    const params = makeParams(3);
    const hidden = randomNormal(createRng(6), [6, D], 1);
    const routing = {
      expertIndices: tensor([0, 1, 1, 2, 0, 2, 0, 1, 2, 1, 1, 0], [6, 2], 'int32'),
      expertWeights: ones([6, 2]),
    };
    const once = (): void => dispatchToExperts(expert, params, hidden, routing, 3).dispose();
    once();
    expect(await leakedTensors(once)).toBe(0);
    dispose([params, hidden, routing]);
  });
});

// outputs of transformers 5.23 (test/fixtures/README.md)
describe.each(testBackends())('whole blocks against transformers, on %s', (backend) => {
  beforeAll(async () => void (await selectBackend(backend)));

  it.each([
    ['mixtral', 8, 2, true],
    ['olmoe', 8, 3, false],
    ['qwen3-moe-norm-true', 8, 3, true],
    ['qwen3-moe-norm-false', 8, 3, false],
  ])('%s: output and all gradients', async (name, numExperts, topK, renormalize) => {
    const tensors = fixtureTensors(`routing/${name}.safetensors`);
    const load = (key: string): Tensor => {
      const { data, shape, dtype } = tensors.get(key)!;
      return tensor(data, shape, dtype);
    };
    const [input, random, router] = ['input', 'random', 'weights.gate.weight'].map(load) as Tensor[];
    const fused = load('weights.experts.gate_up_proj');
    const down = load('weights.experts.down_proj');
    const run = ([x, w, gateUp, downProj]: Tensor[]): { output: Tensor; objective: Tensor } => {
      const hidden = reshape(x!, [20, 16]);
      const routing = topKRouter({ topK, renormalize }).route({ weight: w! }, hidden, { training: true });
      const params = {
        gate_proj: { weight: slice(gateUp!, [0, 0, 0], [numExperts, 12, 16]) },
        up_proj: { weight: slice(gateUp!, [0, 12, 0], [numExperts, 12, 16]) },
        down_proj: { weight: downProj! },
      };
      const output = reshape(dispatchToExperts(expert, params, hidden, routing, numExperts), [2, 10, 16]);
      const balance = loadBalancingLoss(routing.logits, { topK, form: 'mixtral' });
      return { output, objective: add(sum(mul(output, random!)), balance) };
    };
    const all = [input!, router!, fused, down];
    const expected = tidy(() => ({ output: load('output') }));
    const given = tidy(() => run(all).output);
    expect(maxDifference(await read(given), await read(expected.output))).toBeLessThan(1e-5);
    const names = ['input', 'gate.weight', 'experts.gate_up_proj', 'experts.down_proj'];
    const { value, gradients } = valueAndGrads(
      () => run(all).objective,
      new Map(names.map((key, i) => [key, all[i]!])),
    );
    for (const key of names) {
      const gradient = load(`grad.${key}`);
      expect(maxDifference(await read(gradients.get(key)!), await read(gradient)), key).toBeLessThan(3e-5);
      gradient.dispose();
    }
    dispose([all, random, expected, given, value, [...gradients.values()]]);
  });
});
