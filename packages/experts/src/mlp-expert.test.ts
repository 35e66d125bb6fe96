import { type BaseFfn, InvalidConfigError, type PlainFfn, type Tensor } from '@moect/core';
import {
  activate,
  createRng,
  dispose,
  linear,
  mul,
  ones,
  randomNormal,
  sum,
  tensor,
  tidy,
  valueAndGrads,
} from '@moect/tensor';
import { maxDifference, selectBackend, testBackends } from '@moect/tensor/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { applySingleExpert, dispatchToExperts } from './dispatch.ts';
import { mlpExpert } from './mlp-expert.ts';
import { randomFfn } from './testing/random-ffn.ts';
import { testExpert } from './testing/test-expert.ts';

const plain = { kind: 'plain', activation: 'gelu-tanh', bias: true } as const;

testExpert({ create: () => mlpExpert({ activation: 'gelu-tanh' }), ffn: plain });
testExpert({
  create: () => ({ ...mlpExpert({ activation: 'gelu', size: 5, init: 'slice' }), name: 'mlp, slice' }),
  ffn: { ...plain, activation: 'gelu', bias: false },
});
testExpert({
  create: () => ({
    ...mlpExpert({ activation: 'gelu', size: 5, init: 'slice-zero-down' }),
    name: 'mlp, slice-zero-down',
  }),
  ffn: { ...plain, activation: 'gelu' },
});
testExpert({
  create: () => ({
    ...mlpExpert({ activation: 'silu', size: 3, init: 'zero-down' }),
    name: 'mlp, zero-down',
  }),
});

const read = async (x: Tensor): Promise<Float32Array> => Float32Array.from(await x.data());

const makeFfn = (activation: PlainFfn['activation'], bias = true): PlainFfn =>
  randomFfn(createRng(6), [5, 12], { kind: 'plain', activation, bias }) as PlainFfn;

const dense = ({ up, down, activation }: PlainFfn, x: Tensor): Tensor =>
  tidy(() => {
    const inner = activate(linear(x, up.weight, up.bias ?? undefined), activation);
    return linear(inner, down.weight, down.bias ?? undefined);
  });

describe.each(testBackends())('mlpExpert on %s', (backend) => {
  beforeAll(async () => void (await selectBackend(backend)));

  it.each(['gelu', 'gelu-tanh', 'relu', 'silu'] as const)(
    'copies a base FFN with %s, with or without biases',
    async (activation) => {
      for (const bias of [true, false]) {
        const [ffn, x] = [makeFfn(activation, bias), randomNormal(createRng(1), [7, 5], 1)];
        const expert = mlpExpert({ activation });
        const params = expert.init(createRng(2), { hiddenSize: 5, numExperts: 1 }, ffn);
        const [given, expected] = [applySingleExpert(expert, params, x), dense(ffn, x)];
        expect(maxDifference(await read(given), await read(expected))).toBeLessThan(2e-6);
        dispose([ffn, x, params, given, expected]);
      }
    },
  );

  it('combines copies to the base FFN, and gives the gradients of one expert after the other', async () => {
    const [ffn, x] = [makeFfn('gelu'), randomNormal(createRng(1), [6, 5], 1)];
    const expert = mlpExpert({ activation: 'gelu' });
    const params = expert.init(createRng(2), { hiddenSize: 5, numExperts: 3 }, ffn);
    const routing = {
      expertIndices: tensor([0, 1, 1, 2, 0, 2, 0, 1, 2, 1, 1, 0], [6, 2], 'int32'),
      expertWeights: tensor([0.5, 0.5, 0.25, 0.75, 1, 0, 0.1, 0.9, 0.6, 0.4, 0.3, 0.7], [6, 2]),
    };
    const { applyCombined: _, ...separate } = expert;
    const [together, apart, expected] = [
      dispatchToExperts(expert, params, x, routing, 3),
      dispatchToExperts(separate, params, x, routing, 3),
      dense(ffn, x),
    ];
    expect(maxDifference(await read(together), await read(expected))).toBeLessThan(2e-6);
    expect(maxDifference(await read(apart), await read(expected))).toBeLessThan(2e-6);
    const direction = randomNormal(createRng(4), [6, 5], 1);
    const names = ['up_proj', 'down_proj'].flatMap((name) => [`${name}.weight`, `${name}.bias`]);
    const leaf = (name: string): Tensor => {
      const [outer, inner] = name.split('.') as [string, string];
      return (params[outer] as Record<string, Tensor>)[inner]!;
    };
    const named = new Map([
      ...names.map((name) => [name, leaf(name)] as const),
      ['weights', routing.expertWeights] as const,
    ]);
    const gradients = [expert, separate].map((each) =>
      valueAndGrads(() => sum(mul(dispatchToExperts(each, params, x, routing, 3), direction)), named),
    );
    for (const name of named.keys()) {
      const [a, b] = [gradients[0]!.gradients.get(name)!, gradients[1]!.gradients.get(name)!];
      expect(maxDifference(await read(a), await read(b)), name).toBeLessThan(1e-5);
    }
    dispose([ffn, x, params, routing, together, apart, expected, direction, gradients]);
  });

  it('starts at exactly 0 with a zero down projection', async () => {
    const expert = mlpExpert({ size: 3, init: 'zero-down' });
    const x = randomNormal(createRng(1), [4, 5], 1);
    const params = expert.init(createRng(2), { hiddenSize: 5, numExperts: 1 });
    const y = applySingleExpert(expert, params, x);
    expect((await read(y)).every((value) => value === 0)).toBe(true);
    dispose([x, params, y]);
  });

  it('slices the base so that evenly mixed experts are the base, its last bias included', async () => {
    const expert = mlpExpert({ size: 3, init: 'slice', activation: 'relu' });
    const [ffn, x] = [makeFfn('relu'), randomNormal(createRng(1), [4, 5], 1)];
    const params = expert.init(createRng(2), { hiddenSize: 5, numExperts: 4 }, ffn);
    const mixed = tidy(() =>
      dispatchToExperts(
        expert,
        params,
        x,
        {
          expertIndices: tensor([0, 1, 2, 3, 3, 2, 1, 0, 0, 2, 1, 3, 1, 0, 3, 2], [4, 4], 'int32'),
          expertWeights: mul(ones([4, 4]), 0.25),
        },
        4,
      ),
    );
    const expected = dense(ffn, x);
    expect(maxDifference(await read(mixed), await read(expected))).toBeLessThan(2e-6);
    dispose([ffn, x, params, mixed, expected]);
  });

  it('refuses to copy what it is not', () => {
    const start = (options: object, base?: BaseFfn): (() => unknown) => {
      return () => mlpExpert(options).init(createRng(1), { hiddenSize: 5, numExperts: 2 }, base);
    };
    const [gelu, gated] = [makeFfn('gelu'), randomFfn(createRng(6), [5, 12])];
    expect(start({ activation: 'relu' }, gelu)).toThrow(
      /plain FFNs with relu; this base's is plain with gelu/,
    );
    expect(start({}, gated)).toThrow(/this base's is gated with silu/);
    expect(start({ activation: 'tanh' })).toThrow(InvalidConfigError);
    expect(start({})).toThrow(/must be given/);
    dispose([gelu, gated]);
  });
});
