import type { FusionInput, Tensor } from '@moect/core';
import { InvalidConfigError } from '@moect/core';
import {
  add,
  createRng,
  dispose,
  fill,
  mul,
  randomNormal,
  sum,
  tensor,
  tidy,
  valueAndGrads,
  zeros,
} from '@moect/tensor';
import { selectBackend, testBackends } from '@moect/tensor/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { testFusion } from '../testing/test-fusion.ts';
import { alwaysBase, alwaysOn, fixedFusion } from './constant-fusion.ts';
import { priorLosses } from './gate.ts';
import { guardedGate } from './guarded-gate.ts';
import { continuousGate, discreteGate } from './paper-gates.ts';

testFusion({ create: () => fixedFusion({ baseWeight: 0.3 }) });
testFusion({ create: () => alwaysOn() });
testFusion({ create: () => alwaysBase() });
testFusion({ create: () => continuousGate() });
testFusion({ create: () => discreteGate(), differentiable: false });
testFusion({ create: () => guardedGate() });
testFusion({ create: () => ({ ...guardedGate({ pool: 'token', newPrior: 0 }), name: 'guarded, token' }) });
testFusion({ create: () => ({ ...guardedGate({ shared: true }), name: 'guarded, shared' }) });
// its prior stops at the branch, so gradients are not those of the values
testFusion({
  create: () => ({ ...guardedGate({ teacherForcing: true }), name: 'guarded, forced' }),
  differentiable: false,
});

const read = async (x: Tensor): Promise<Float32Array> => Float32Array.from(await x.data());
const D = 8;

function exampleInput(training: boolean): FusionInput {
  const rng = createRng(31);
  const stream = (): Tensor => randomNormal(rng, [1, 4, D], 1);
  return { residual: stream(), base: stream(), moe: stream(), training };
}

/** Gate of docs/method.md §1 in float64, from float32 parameters on the host. */
function referenceGate(
  weights: Record<string, Float32Array>,
  u: Float64Array,
  v: Float64Array,
  gateSize: number,
): number {
  let logit = weights['out_proj.bias']![0]!;
  for (let j = 0; j < gateSize; j++) {
    let inner = weights['base_proj.bias']![j]! + weights['moe_proj.bias']![j]!;
    for (let i = 0; i < D; i++) {
      inner +=
        weights['base_proj.weight']![j * D + i]! * u[i]! + weights['moe_proj.weight']![j * D + i]! * v[i]!;
    }
    logit += weights['out_proj.weight']![j]! * Math.tanh(inner);
  }
  return 1 / (1 + Math.exp(-logit));
}

const rms = (x: Float64Array): Float64Array =>
  x.map((value) => value / Math.sqrt(x.reduce((a, b) => a + b * b, 0) / x.length + 1e-6));

describe.each(testBackends())('gates on %s', (backend) => {
  beforeAll(async () => void (await selectBackend(backend)));

  it.each([
    ['continuous', continuousGate()],
    ['guarded', guardedGate({ bias: 0.4 })],
  ])('%s is its equation in float64', async (kind, fusion) => {
    const input = exampleInput(false);
    const params = fusion.init(createRng(2), { hiddenSize: D }) as Record<string, Record<string, Tensor>>;
    const weights: Record<string, Float32Array> = {};
    for (const [name, group] of Object.entries(params)) {
      for (const [leaf, value] of Object.entries(group)) weights[`${name}.${leaf}`] = await read(value);
    }
    const [a, f, m] = [await read(input.residual), await read(input.base), await read(input.moe)];
    const rows = (x: Float32Array): Float64Array[] =>
      [0, 1, 2, 3].map((t) => Float64Array.from(a.subarray(t * D, (t + 1) * D), (v, i) => v + x[t * D + i]!));
    const result = fusion.fuse(params, input);
    const given = await read(result.baseWeight);
    const pooled = new Float64Array(D);
    for (const [t, [u, v]] of rows(f)
      .map((u, t) => [u, rows(m)[t]!] as const)
      .entries()) {
      rms(u).forEach((value, i) => {
        pooled[i]! += value;
      });
      const expected =
        kind === 'continuous'
          ? referenceGate(weights, u, v, 2)
          : referenceGate(
              weights,
              pooled.map((value) => value / (t + 1)),
              rms(v),
              2,
            );
      expect(given[t]).toBeCloseTo(expected, 5);
    }
    dispose([params, { ...input }, { ...result }]);
  });

  it('starts as docs/method.md §1 and §2 say', async () => {
    const spread = async (x: Tensor): Promise<number> => {
      const values = await read(x);
      return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);
    };
    const sizes = { hiddenSize: 256 };
    const guarded = guardedGate({ bias: 2 }).init(createRng(1), sizes) as Record<
      string,
      Record<string, Tensor>
    >;
    const paper = continuousGate().init(createRng(1), sizes) as Record<string, Record<string, Tensor>>;
    expect(guarded['base_proj']!['weight']!.shape).toEqual([64, 256]);
    expect((await spread(guarded['base_proj']!['weight']!)) * 16).toBeCloseTo(1, 1);
    expect((await spread(guarded['out_proj']!['weight']!)) * 8).toBeCloseTo(1, 0);
    expect(await read(guarded['out_proj']!['bias']!)).toEqual(Float32Array.of(2));
    expect((await spread(paper['moe_proj']!['weight']!)) / 0.02).toBeCloseTo(1, 1);
    expect(await spread(paper['moe_proj']!['bias']!)).toBe(0);
    dispose([guarded, paper]);
  });

  it('goes by the known roles in training where it is forced, and by itself elsewhere', async () => {
    const [forced, free] = [guardedGate({ teacherForcing: true }), guardedGate()];
    const input = { ...exampleInput(true), roles: tensor([1, 2, 0, 2], [1, 4], 'int32') };
    const params = free.init(createRng(2), { hiddenSize: D });
    const results = [forced, free].map((fusion) => fusion.fuse(params, input));
    const [held, own] = await Promise.all(results.map(({ baseWeight }) => read(baseWeight)));
    expect(held).toEqual(Float32Array.of(1, 0, own![2]!, 0));
    for (const [name, loss] of Object.entries(results[0]!.auxLosses)) {
      expect(await read(loss)).toEqual(await read(results[1]!.auxLosses[name]!));
    }
    const later = [forced, free].map((fusion) => fusion.fuse(params, { ...input, training: false }));
    expect(await read(later[0]!.output)).toEqual(await read(later[1]!.output));
    dispose([params, { ...input }, ...[...results, ...later].map((result) => ({ ...result }))]);
  });

  it('is the base, bit for bit, where p is 1, even with a broken branch (law 3)', async () => {
    const input = exampleInput(false);
    const expected = tidy(() => add(input.residual, input.base));
    const broken = tensor(
      Array.from({ length: 4 * D }, (_, i) => [Number.NaN, Number.POSITIVE_INFINITY, 1e38][i % 3]!),
      [1, 4, D],
    );
    const big = tidy(() => mul(input.moe, 1e4));
    const close = async (fusion: ReturnType<typeof guardedGate>, moe: Tensor): Promise<void> => {
      const fresh = fusion.init(createRng(1), { hiddenSize: D });
      const result = fusion.fuse(fresh, { ...input, moe });
      expect(await read(result.baseWeight)).toEqual(Float32Array.of(1, 1, 1, 1));
      expect(await read(result.output)).toEqual(await read(expected));
      dispose([fresh, { ...result }]);
    };
    await close(alwaysBase(), broken);
    await close(fixedFusion({ baseWeight: 1 }), broken);
    await close(guardedGate({ bias: 40 }), big);
    await close(guardedGate({ gateThreshold: 0 }), big);
    await close(guardedGate({ bias: 3, gateThreshold: 0.5 }), big);
    await close(continuousGate({ bias: 3, gateThreshold: 0.5 }), big);
    await close(discreteGate({ bias: 3 }), big);
    dispose([{ ...input }, expected, broken, big]);
  });

  it('is the branch alone where p is 0', async () => {
    const input = exampleInput(false);
    const result = alwaysOn().fuse({}, input);
    const expected = tidy(() => add(input.residual, input.moe));
    expect(await read(result.output)).toEqual(await read(expected));
    dispose([{ ...input }, { ...result }, expected]);
  });

  it('counts p as 1 above the threshold only, and never in training', async () => {
    const input = exampleInput(false);
    const params = guardedGate().init(createRng(4), { hiddenSize: D });
    const weights = async (
      own: number | null,
      training: boolean,
      ofPass: { readonly gateThreshold?: number | null } = {},
    ): Promise<number[]> => {
      const gate = guardedGate({ gateThreshold: own });
      expect(gate.gateThreshold).toBe(own);
      const result = gate.fuse(params, { ...input, training, ...ofPass });
      const values = [...(await read(result.baseWeight))];
      dispose({ ...result });
      return values;
    };
    const plain = await weights(null, false);
    const tau = [...plain].sort((a, b) => a - b)[1]!;
    expect(await weights(tau, false)).toEqual(plain.map((p) => (p > tau ? 1 : p)));
    expect(new Set(await weights(tau, false)).size).toBeGreaterThan(1);
    expect(await weights(1, false)).toEqual(plain);
    expect(await weights(tau, true)).toEqual(plain);
    // τ of a pass takes precedence
    expect(await weights(null, false, { gateThreshold: tau })).toEqual(await weights(tau, false));
    expect(await weights(tau, false, { gateThreshold: null })).toEqual(plain);
    expect(await weights(null, true, { gateThreshold: tau })).toEqual(plain);
    dispose([params, { ...input }]);
  });

  it('has a prior that stays right and finite for any logit', async () => {
    const logits = [-200, -30, -1, 0, 2, 30, 200];
    const shape = [1, logits.length, 1] as const;
    const [logit, dummy] = [tensor(logits, shape), zeros(shape)];
    for (const role of [1, 2]) {
      const roles = fill([1, logits.length], role, 'int32');
      const input = { residual: dummy, base: dummy, moe: dummy, roles, training: true };
      const losses = priorLosses(logit, input, { oldPrior: 2, newPrior: 3 });
      const softplus = (x: number): number =>
        x > 0 ? x + Math.log1p(Math.exp(-x)) : Math.log1p(Math.exp(x));
      const sums = logits.reduce((sum, x) => sum + softplus(role === 1 ? -x : x), 0) / logits.length;
      const [old, fresh] = [(await read(losses['gateOld']!))[0]!, (await read(losses['gateNew']!))[0]!];
      expect(old).toBeCloseTo(role === 1 ? 2 * sums : 0, 3);
      expect(fresh).toBeCloseTo(role === 2 ? 3 * sums : 0, 3);
      dispose([roles, losses]);
    }
    dispose([logit, dummy]);
  });

  it('leaves padding and unknown languages out of the prior', async () => {
    const [logit, dummy] = [tensor([1, -2, 3, 4], [1, 4, 1]), zeros([1, 4, 1])];
    const roles = tensor([1, 2, 1, 0], [1, 4], 'int32');
    const documentIds = tensor([0, 0, -1, 0], [1, 4], 'int32');
    const input = { residual: dummy, base: dummy, moe: dummy, roles, documentIds, training: true };
    const losses = priorLosses(logit, input, { oldPrior: 1, newPrior: 1 });
    expect((await read(losses['gateOld']!))[0]).toBeCloseTo(Math.log1p(Math.exp(-1)), 6);
    expect((await read(losses['gateNew']!))[0]).toBeCloseTo(Math.log1p(Math.exp(-2)), 6);
    expect(priorLosses(logit, { ...input, training: false }, { oldPrior: 1, newPrior: 1 })).toEqual({});
    dispose([logit, dummy, roles, documentIds, losses]);
  });

  it('passes the soft gradient straight through the hard choice', async () => {
    const input = exampleInput(true);
    const params = discreteGate().init(createRng(9), { hiddenSize: D });
    const bias = (params['out_proj'] as Record<string, Tensor>)['bias']!;
    const gradientOf = async (fusion: ReturnType<typeof discreteGate>): Promise<number> => {
      const named = new Map([['bias', bias]]);
      const { value, gradients } = valueAndGrads(() => sum(fusion.fuse(params, input).output), named);
      const [gradient] = await read(gradients.get('bias')!);
      dispose([value, [...gradients.values()]]);
      return gradient!;
    };
    const result = discreteGate().fuse(params, input);
    for (const p of await read(result.baseWeight)) expect([0, 1]).toContain(p);
    expect(await gradientOf(discreteGate())).toBeCloseTo(await gradientOf(continuousGate()), 5);
    dispose([params, { ...input }, { ...result }]);
  });
});

describe('fusion options', () => {
  it.each([
    () => guardedGate({ oldPrior: -1, tau: 3 } as never),
    () => guardedGate({ gateThreshold: 1.5 }),
    () => continuousGate({ gateSize: 0 }),
    () => discreteGate({ gateThreshold: 0.5 } as never),
    () => fixedFusion({ baseWeight: 2 }),
    () => alwaysOn({ bias: 1 } as never),
  ])('refuses what cannot be, %#', (create) => {
    expect(create).toThrow(InvalidConfigError);
  });

  it('names every problem', () => {
    expect(() => guardedGate({ oldPrior: -1, tau: 3 } as never)).toThrow(/2 problem.*tau.*oldPrior/s);
  });
});
