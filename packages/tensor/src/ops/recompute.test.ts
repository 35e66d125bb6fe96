import type { Tensor } from '@moect/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  add,
  createRng,
  dispose,
  fill,
  linear,
  memory,
  mul,
  randomNormal,
  recompute,
  remake,
  rmsNorm,
  rmsNormalize,
  sigmoid,
  sum,
  tanh,
  tensor,
  tidy,
  valueAndGrads,
} from '../index.ts';
import { leakedTensors, selectBackend, testBackends } from '../testing.ts';

describe.each(testBackends())('recompute on %s', (backend) => {
  let x: Tensor;
  const weights = new Map<string, Tensor>();
  beforeAll(async () => {
    await selectBackend(backend);
    const rng = createRng(5);
    x = randomNormal(rng, [6, 8], 1);
    weights.set('p', randomNormal(rng, [6, 8], 1));
    for (const name of ['first', 'inner.0', 'inner.1', 'gate', 'last'])
      weights.set(name, randomNormal(rng, [8, 8], 0.5));
  });
  afterAll(() => dispose([x, weights]));
  const weight = (name: string): Tensor => weights.get(name)!;

  /** Returns a stream that is used twice inside, a gate that the caller uses, and one input unchanged. */
  const block = ({
    h,
    p,
  }: {
    h: Tensor;
    p: Tensor;
  }): { stream: Tensor; gate: Tensor; p: Tensor; loss: Tensor } => {
    const middle = tanh(linear(rmsNormalize(h, 1e-6), weight('inner.0')));
    const gate = sigmoid(linear(mul(middle, p), weight('gate')));
    const stream = add(h, mul(gate, linear(middle, weight('inner.1'))));
    return { stream, gate, p, loss: sum(mul(gate, gate)) };
  };

  const loss = (again: boolean): Tensor => {
    const step = again ? (inputs: { h: Tensor; p: Tensor }) => recompute(inputs, block) : block;
    let state = { stream: linear(x, weight('first')), p: weight('p') };
    const losses: Tensor[] = [];
    for (let i = 0; i < 3; i++) {
      // the scope disposes tensors that only the backward pass would need
      const result = tidy(() => step({ h: state.stream, p: state.p }));
      losses.push(result.loss);
      state = { stream: result.stream, p: i === 0 ? result.p : result.gate };
    }
    return losses.reduce(add, sum(linear(mul(state.stream, state.p), weight('last'))));
  };

  const bits = async (again: boolean): Promise<Record<string, number[]>> => {
    const { value, gradients } = valueAndGrads(() => loss(again), weights);
    const found: Record<string, number[]> = { value: [...(await value.data())] };
    for (const [name, gradient] of gradients) found[name] = [...(await gradient.data())];
    dispose([value, gradients]);
    return found;
  };

  it('gives the same bits, to inputs and to what the function takes from outside', async () => {
    const plain = await bits(false);
    expect(Object.keys(plain).sort()).toEqual(['value', ...weights.keys()].sort());
    expect(await bits(true)).toEqual(plain);
  });

  it('keeps its inputs alone', () => {
    const kept = (again: boolean): number => {
      let count = 0;
      const { value, gradients } = valueAndGrads(() => {
        const result = loss(again);
        count = memory().numBytes;
        return result;
      }, weights);
      dispose([value, gradients]);
      return count;
    };
    const before = memory().numBytes;
    expect(kept(true) - before).toBeLessThan((kept(false) - before) / 2);
  });

  it('is the function itself where no gradient is asked for, and leaks nothing', async () => {
    const leaked = await leakedTensors(() => {
      const { stream, gate, loss: aux } = tidy(() => recompute({ h: x, p: x }, block));
      dispose([stream, gate, aux]);
      const { value, gradients } = tidy(() => valueAndGrads(() => loss(true), weights));
      dispose([value, gradients]);
    });
    expect(leaked).toBe(0);
  });

  it('may stand inside another', async () => {
    const nested = (again: boolean): Tensor => {
      const outer = ({ h }: { h: Tensor }): Tensor => {
        const inner = ({ g }: { g: Tensor }): Tensor => tanh(linear(g, weight('inner.0')));
        const middle = again ? recompute({ g: h }, inner) : inner({ g: h });
        return linear(middle, weight('inner.1'));
      };
      const first = linear(x, weight('first'));
      return sum(again ? recompute({ h: first }, outer) : outer({ h: first }));
    };
    const gradientsOf = async (again: boolean): Promise<number[][]> => {
      const { value, gradients } = valueAndGrads(() => nested(again), weights);
      const all = await Promise.all([...gradients.values()].map(async (g) => [...(await g.data())]));
      dispose([value, gradients]);
      return all;
    };
    expect(await gradientsOf(true)).toEqual(await gradientsOf(false));
  });

  describe('remake', () => {
    /** A chain of norm and sum, and products that save its last result; one factor has a constant input. */
    const chained = (again: boolean): Tensor => {
      const make: typeof remake = again ? remake : (inputs, work) => work(inputs);
      const h = linear(x, weight('first'));
      return tidy(() => {
        const first = make({ h }, (given) => rmsNormalize(given.h, 1e-6));
        const second = make({ first, p: weight('p') }, (given) => tanh(add(given.first, given.p)));
        const constant = make({ x }, (given) => tanh(given.x));
        const joined = mul(linear(second, weight('inner.0')), linear(constant, weight('inner.1')));
        return sum(linear(mul(joined, second), weight('last')));
      });
    };
    const run = async (again: boolean): Promise<{ gradients: Record<string, number[]>; bytes: number }> => {
      let bytes = -memory().numBytes;
      const { value, gradients } = valueAndGrads(() => {
        const result = chained(again);
        bytes += memory().numBytes;
        return result;
      }, weights);
      const found: Record<string, number[]> = {};
      for (const [name, gradient] of gradients) found[name] = [...(await gradient.data())];
      dispose([value, gradients]);
      return { gradients: found, bytes };
    };

    it('gives the same bits, and later operations keep none of its results', async () => {
      const [plain, remade] = [await run(false), await run(true)];
      expect(remade.gradients).toEqual(plain.gradients);
      expect(Object.keys(plain.gradients).sort()).toEqual(['first', 'inner.0', 'inner.1', 'last', 'p']);
      // saves two tensors [6, 8], the inputs of the two linears; h and x are held anyway. TensorFlow counts a reshape
      // of the same memory as additional memory
      if (backend === 'cpu' || backend === 'wasm')
        expect(plain.bytes - remade.bytes).toBeGreaterThanOrEqual(2 * 6 * 8 * 4);
    });

    it.each(['recompute', 'remake'] as const)(
      '%s finds trained and frozen weights of a norm',
      async (name) => {
        const [trained, frozen] = [tensor([1, 2, 3, 4, 5, 6, 7, 8], [8]), fill([8], 0.5)];
        const gradientOf = async (again: boolean): Promise<number[]> => {
          const norms = ({ h }: { h: Tensor }): Tensor => rmsNorm(rmsNorm(h, trained, 1e-6), frozen, 1e-6);
          const run = name === 'remake' ? remake : recompute;
          const { value, gradients } = valueAndGrads(
            () => {
              const normed = again ? run({ h: x }, norms) : norms({ h: x });
              return sum(mul(normed, weight('p')));
            },
            new Map([['norm', trained]]),
          );
          const found = [...(await gradients.get('norm')!.data())];
          dispose([value, gradients]);
          return found;
        };
        expect(await gradientOf(true)).toEqual(await gradientOf(false));
        dispose([trained, frozen]);
      },
    );

    it('may stand inside recompute, and leaks nothing', async () => {
      const nested = (again: boolean): Tensor => {
        const work = (): Tensor => chained(true);
        return again ? recompute({}, work) : work();
      };
      const leaked = await leakedTensors(() => {
        const { value, gradients } = tidy(() => valueAndGrads(() => nested(true), weights));
        dispose([value, gradients]);
        dispose(tidy(() => chained(true)));
      });
      expect(leaked).toBe(0);
    });
  });
});
