import type { BaseFfn, FfnLinear, GatedFfn, Tensor } from '@moect/core';
import { InvalidConfigError } from '@moect/core';
import { add, createRng, dispose, linear, mul, randomNormal, swiglu, tensor, tidy } from '@moect/tensor';
import { maxDifference, selectBackend, testBackends } from '@moect/tensor/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { applySingleExpert } from './dispatch.ts';
import { swigluExpert } from './swiglu-expert.ts';
import { randomFfn } from './testing/random-ffn.ts';
import { testExpert } from './testing/test-expert.ts';

testExpert({ create: () => swigluExpert() });
testExpert({ create: () => ({ ...swigluExpert({ size: 3, init: 'zero-down' }), name: 'zero-down' }) });
testExpert({
  create: () => ({ ...swigluExpert({ size: 3, init: 'slice-zero-down' }), name: 'slice-zero-down' }),
});
testExpert({
  create: () => ({ ...swigluExpert({ size: 15, init: 'slice-zero-down' }), name: 'wide slice-zero-down' }),
});
testExpert({ create: () => ({ ...swigluExpert({ size: 5, init: 'slice' }), name: 'slice' }) });
testExpert({
  create: () => ({ ...swigluExpert(), name: 'with biases' }),
  ffn: { kind: 'gated', activation: 'silu', bias: true },
});

const read = async (x: Tensor): Promise<Float32Array> => Float32Array.from(await x.data());

const makeFfn = (): GatedFfn => randomFfn(createRng(6), [5, 12]) as GatedFfn;

const dense = ({ gate, up, down }: GatedFfn, x: Tensor): Tensor =>
  tidy(() => {
    const project = (input: Tensor, { weight, bias }: FfnLinear): Tensor =>
      linear(input, weight, bias ?? undefined);
    return project(swiglu(project(x, gate), project(x, up)), down);
  });

describe.each(testBackends())('swigluExpert on %s', (backend) => {
  beforeAll(async () => void (await selectBackend(backend)));

  it('copies the base FFN: a single expert is a dense FFN (law 5)', async () => {
    const [ffn, x] = [makeFfn(), randomNormal(createRng(1), [7, 5], 1)];
    const params = swigluExpert().init(createRng(2), { hiddenSize: 5, numExperts: 1 }, ffn);
    const [given, expected] = [applySingleExpert(swigluExpert(), params, x), dense(ffn, x)];
    expect(maxDifference(await read(given), await read(expected))).toBeLessThan(1e-6);
    dispose([ffn, x, params, given, expected]);
  });

  it('copies biases too', async () => {
    const shape = { kind: 'gated', activation: 'silu', bias: true } as const;
    const [ffn, x] = [
      randomFfn(createRng(6), [5, 12], shape) as GatedFfn,
      randomNormal(createRng(1), [7, 5], 1),
    ];
    const params = swigluExpert().init(createRng(2), { hiddenSize: 5, numExperts: 1 }, ffn);
    const [given, expected] = [applySingleExpert(swigluExpert(), params, x), dense(ffn, x)];
    expect(maxDifference(await read(given), await read(expected))).toBeLessThan(1e-6);
    dispose([ffn, x, params, given, expected]);
  });

  it.each(['zero-down', 'slice-zero-down'] as const)('starts at exactly 0 with init %s', async (init) => {
    const expert = swigluExpert({ size: 3, init });
    const [ffn, x] = [makeFfn(), randomNormal(createRng(1), [4, 5], 1)];
    const params = expert.init(createRng(2), { hiddenSize: 5, numExperts: 1 }, ffn);
    const y = applySingleExpert(expert, params, x);
    expect((await read(y)).every((value) => value === 0)).toBe(true);
    dispose([ffn, x, params, y]);
  });

  it('reads what the base reads with slice-zero-down, and more where it is wider', async () => {
    const ffn = makeFfn();
    const source = await read(ffn.up.weight);
    const upOf = async (size: number, numExperts: number): Promise<Float32Array> => {
      const expert = swigluExpert({ size, init: 'slice-zero-down' });
      const params = expert.init(createRng(2), { hiddenSize: 5, numExperts }, ffn);
      const up = await read((params['up_proj'] as Record<string, Tensor>)['weight']!);
      dispose(params);
      return up;
    };
    expect(await upOf(3, 2)).toEqual(source.subarray(0, 30));
    const wide = await upOf(14, 1);
    expect(wide.subarray(0, 60)).toEqual(source);
    // unit variance of pre-activations, as with zero-down
    expect(Math.hypot(...wide.subarray(60)) / Math.sqrt(10) / (1 / Math.sqrt(5))).toBeGreaterThan(0.4);
    dispose(ffn);
  });

  it('slices the base so that evenly mixed experts are the base', async () => {
    const expert = swigluExpert({ size: 3, init: 'slice' });
    const [ffn, x] = [makeFfn(), randomNormal(createRng(1), [4, 5], 1)];
    const params = expert.init(createRng(2), { hiddenSize: 5, numExperts: 4 }, ffn);
    const mixed = tidy(() =>
      [0, 1, 2, 3]
        .map((e) => {
          const offsets = tensor(
            [0, 1, 2, 3, 4].map((i) => (i > e ? 4 : 0)),
            [5],
            'int32',
          );
          return mul(expert.apply(params, x, offsets), 0.25);
        })
        .reduce((a, b) => add(a, b)),
    );
    const expected = dense(ffn, x);
    expect(maxDifference(await read(mixed), await read(expected))).toBeLessThan(2e-6);
    dispose([ffn, x, params, mixed, expected]);
  });

  it('goes round when the slices exceed the base', async () => {
    const expert = swigluExpert({ size: 8, init: 'slice' });
    const ffn = makeFfn();
    const params = expert.init(createRng(2), { hiddenSize: 5, numExperts: 2 }, ffn);
    const stacked = (params['gate_proj'] as Record<string, Tensor>)['weight']!;
    const [values, source] = [await read(stacked), await read(ffn.gate.weight)];
    expect(values.subarray(40, 60)).toEqual(source.subarray(40, 60));
    expect(values.subarray(60, 80)).toEqual(source.subarray(0, 20));
    dispose([ffn, params]);
  });

  it('refuses what cannot start', () => {
    const ffn = makeFfn();
    const start = (options: object, base?: BaseFfn): (() => unknown) => {
      return () => swigluExpert(options).init(createRng(1), { hiddenSize: 5, numExperts: 2 }, base);
    };
    expect(start({ size: 0 })).toThrow(InvalidConfigError);
    expect(start({ init: 'zero', width: 3 })).toThrow(/2 problem/);
    expect(start({})).toThrow(/must be given/);
    expect(start({ size: 4 })).toThrow(/needs the base FFN/);
    expect(start({ size: 4 }, ffn)).toThrow(/use 'slice'/);
    const gelu: BaseFfn = { ...ffn, activation: 'gelu' };
    const plain: BaseFfn = { kind: 'plain', activation: 'silu', up: ffn.up, down: ffn.down };
    expect(start({}, gelu)).toThrow(/this base's is gated with gelu/);
    expect(start({}, plain)).toThrow(/this base's is plain with silu.*'auto' follows the base/s);
    expect(start({ size: 13, init: 'slice' }, ffn)).toThrow(/at most the base's 12/);
    dispose(ffn);
  });
});
