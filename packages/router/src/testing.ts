import type { RouteContext, Router, Tensor } from '@moect/core';
import {
  add,
  type BackendName,
  concat,
  createRng,
  dispose,
  flattenTree,
  mapTree,
  mul,
  randomNormal,
  slice,
  sum,
  tensor,
  tidy,
  valueAndGrads,
  variable,
} from '@moect/tensor';
import { leakedTensors, selectBackend, testBackends } from '@moect/tensor/testing';
import { beforeAll, describe, expect, it } from 'vitest';

export interface RouterSuite {
  readonly create: () => Router;
  readonly numExperts?: number;
  /** Default: all backends of this machine. */
  readonly backends?: readonly BackendName[];
}

const HIDDEN = 12;
const TOKENS = 9;

interface Case {
  readonly router: Router;
  readonly numExperts: number;
  readonly params: ReturnType<Router['init']>;
  readonly hidden: Tensor;
}

const numbers = async (x: Tensor): Promise<number[]> => [...(await x.data())];

/**
 * Registers vitest tests that every router must pass: shapes, sorted distinct choices, independence of tokens from
 * one another (so that a causal model stays causal and batches change nothing), padding, gradients, leaks, and random
 * numbers that come from the context and are drawn in training only.
 */
export function testRouter(suite: RouterSuite): void {
  const { create, numExperts = 5, backends = testBackends() } = suite;
  const withCase = async (work: (c: Case) => Promise<void>): Promise<void> => {
    const router = create();
    const rng = createRng(17);
    // the weights are larger than a router starts with, so that choices are clear
    const params = mapTree(router.init(rng, { hiddenSize: HIDDEN, numExperts }), (leaf) => {
      const value = tidy(() => variable(add(leaf, randomNormal(rng, leaf.shape, 0.5))));
      leaf.dispose();
      return value;
    });
    const hidden = randomNormal(rng, [TOKENS, HIDDEN], 1);
    try {
      await work({ router, numExperts, params, hidden });
    } finally {
      dispose([params, hidden]);
    }
  };

  describe.each(backends)(`router ${create().name} on %s`, (backend) => {
    beforeAll(async () => void (await selectBackend(backend)));
    it('has the shapes and types of the contract', () => withCase(checkShapes));
    it('chooses distinct experts in range', () => withCase(checkChoices));
    it('routes each token by itself', () => withCase(checkIndependence));
    it('leaves padding out of loads and losses', () => withCase(checkPadding));
    it('gives every parameter a finite gradient', () => withCase(checkGradients));
    it('is deterministic and leaks nothing', () => withCase(checkLeaks));
    it('draws no random numbers outside training', () => withCase(checkInference));
  });
}

const evaluation: RouteContext = { training: false };

/** A training pass, with the same random numbers each time. */
const training = (paddingMask?: Tensor): RouteContext => ({
  training: true,
  rng: createRng(29),
  ...(paddingMask && { paddingMask }),
});

async function checkShapes({ router, numExperts, params, hidden }: Case): Promise<void> {
  const result = router.route(params, hidden, evaluation);
  expect(router.contract).toBe('router/1');
  expect(result.expertIndices).toMatchObject({ shape: [TOKENS, router.topK], dtype: 'int32' });
  expect(result.expertWeights).toMatchObject({ shape: [TOKENS, router.topK], dtype: 'float32' });
  expect(result.logits).toMatchObject({ shape: [TOKENS, numExperts], dtype: 'float32' });
  expect(result.tokensPerExpert).toMatchObject({ shape: [numExperts], dtype: 'float32' });
  for (const loss of Object.values(result.auxLosses)) expect(loss.shape).toEqual([]);
  dispose(result);
}

async function checkChoices({ router, numExperts, params, hidden }: Case): Promise<void> {
  const result = router.route(params, hidden, evaluation);
  const indices = await numbers(result.expertIndices);
  const weights = await numbers(result.expertWeights);
  const counts = Array<number>(numExperts).fill(0);
  for (const index of indices) {
    expect(index).toBeGreaterThanOrEqual(0);
    expect(index).toBeLessThan(numExperts);
    counts[index]! += 1;
  }
  for (let token = 0; token < TOKENS; token++) {
    const chosen = indices.slice(token * router.topK, (token + 1) * router.topK);
    expect(new Set(chosen).size, `experts of token ${token}`).toBe(router.topK);
  }
  expect(await numbers(result.tokensPerExpert)).toEqual(counts);
  expect(weights.every((weight) => Number.isFinite(weight) && weight >= 0)).toBe(true);
  dispose(result);
}

async function checkIndependence({ router, params, hidden }: Case): Promise<void> {
  const whole = router.route(params, hidden, evaluation);
  const weights = await numbers(whole.expertWeights);
  const indices = await numbers(whole.expertIndices);
  for (const token of [0, 4, TOKENS - 1]) {
    const row = slice(hidden, [token, 0], [1, HIDDEN]);
    const alone = router.route(params, row, evaluation);
    const at = (all: number[]): number[] => all.slice(token * router.topK, (token + 1) * router.topK);
    expect(await numbers(alone.expertIndices)).toEqual(at(indices));
    for (const [j, weight] of (await numbers(alone.expertWeights)).entries()) {
      expect(Math.abs(weight - at(weights)[j]!)).toBeLessThan(1e-6);
    }
    dispose([row, alone]);
  }
  dispose(whole);
}

async function checkPadding({ router, params, hidden }: Case): Promise<void> {
  const plainMask = tensor(Array(TOKENS).fill(1), [TOKENS]);
  const padding = randomNormal(createRng(5), [3, HIDDEN], 30);
  const padded = concat([hidden, padding]);
  const mask = tensor([...Array(TOKENS).fill(1), 0, 0, 0], [TOKENS + 3]);
  const plain = router.route(params, hidden, training(plainMask));
  const other = router.route(params, padded, training(mask));
  expect(await numbers(other.tokensPerExpert)).toEqual(await numbers(plain.tokensPerExpert));
  expect(Object.keys(other.auxLosses)).toEqual(Object.keys(plain.auxLosses));
  for (const [name, loss] of Object.entries(plain.auxLosses)) {
    const [expected] = await numbers(loss);
    const [given] = await numbers(other.auxLosses[name]!);
    expect(Math.abs(given! - expected!), name).toBeLessThan(1e-5 * Math.max(1, Math.abs(expected!)));
  }
  dispose([plainMask, padding, padded, mask, plain, other]);
}

async function checkGradients({ router, numExperts, params, hidden }: Case): Promise<void> {
  const named = flattenTree(params);
  const projection = randomNormal(createRng(3), [TOKENS, router.topK], 1);
  const { value, gradients } = valueAndGrads(() => {
    const { expertWeights, auxLosses } = router.route(params, hidden, training());
    return Object.values(auxLosses).reduce((a, b) => add(a, b), sum(mul(expertWeights, projection)));
  }, named);
  // a single expert leaves nothing to learn
  if (numExperts > 1) expect([...gradients.keys()].sort()).toEqual([...named.keys()].sort());
  for (const [name, gradient] of gradients) {
    expect((await numbers(gradient)).every(Number.isFinite), name).toBe(true);
  }
  dispose([projection, value, [...gradients.values()]]);
}

async function checkLeaks({ router, params, hidden }: Case): Promise<void> {
  const once = async (): Promise<number[]> => {
    const result = router.route(params, hidden, training());
    const weights = await numbers(result.expertWeights);
    dispose(result);
    return weights;
  };
  const first = await once();
  const leaked = await leakedTensors(async () => {
    expect(await once()).toEqual(first);
  });
  expect(leaked).toBe(0);
}

async function checkInference({ router, params, hidden }: Case): Promise<void> {
  const drawn = createRng(31);
  const [plain, given] = [{}, { rng: drawn }].map((more) =>
    router.route(params, hidden, { ...evaluation, ...more }),
  );
  expect(await numbers(given!.logits)).toEqual(await numbers(plain!.logits));
  expect(await numbers(given!.expertWeights)).toEqual(await numbers(plain!.expertWeights));
  expect(drawn.next()).toBe(createRng(31).next());
  dispose([plain, given]);
}
