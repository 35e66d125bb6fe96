import type { BaseModel, Extension, Fusion, LossNormalizers, Tensor } from '@moect/core';
import { NoSuchComponentError } from '@moect/core';
import {
  add,
  assign,
  createRng,
  dispose,
  fill,
  memory,
  mul,
  randomNormal,
  sum,
  tensor,
  tidy,
  valueAndGrads,
} from '@moect/tensor';
import { maxDifference, selectBackend, testBackends } from '@moect/tensor/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { alwaysOn } from '../fusions/constant-fusion.ts';
import { guardedGate } from '../fusions/guarded-gate.ts';
import { swigluExpert } from '../swiglu-expert.ts';
import { logitsOf, tokenBatch } from '../testing/passes.ts';
import { tinyGpt2, tinyLlama, tinyNeox, withRandomBiases } from '../testing/tiny-models.ts';
import { checkGateThreshold } from './gate-threshold.ts';
import { moeCt } from './moe-ct.ts';
import { MOE_CT_MIXTURE, MOE_CT_PAPER, type MoeCtConfig } from './moe-ct-config.ts';

const read = async (x: Tensor): Promise<Float32Array> => Float32Array.from(await x.data());

function shake(extension: Extension, std: number, except = ''): void {
  const rng = createRng(23);
  for (const [name, parameter] of extension.parameters) {
    if (except !== '' && name.endsWith(except)) continue;
    tidy(() => assign(parameter, add(parameter, randomNormal(rng, parameter.shape, std))));
  }
}

describe.each(testBackends())('moeCt on %s', (backend) => {
  let base: BaseModel;
  let tokens: Tensor;
  beforeAll(async () => {
    await selectBackend(backend);
    base = tinyLlama();
    tokens = tokenBatch(2, 9);
  });
  afterAll(() => {
    base.dispose();
    tokens.dispose();
  });
  const attach = (config: Partial<MoeCtConfig>, seed = 7): Extension =>
    moeCt().attach(base, config, createRng(seed));

  it('names its parameters in the manner of Hugging Face', () => {
    const extension = attach({ layers: [0, 2], attentionRank: 2, numExperts: 3 });
    expect([...extension.parameters.keys()].filter((name) => name.startsWith('model.layers.2.'))).toEqual([
      'model.layers.2.moe.router.weight',
      'model.layers.2.moe.experts.gate_proj.weight',
      'model.layers.2.moe.experts.up_proj.weight',
      'model.layers.2.moe.experts.down_proj.weight',
      ...['base_proj', 'moe_proj', 'out_proj'].flatMap((name) => [
        `model.layers.2.moe.fusion.${name}.weight`,
        `model.layers.2.moe.fusion.${name}.bias`,
      ]),
      ...['q_proj', 'k_proj', 'v_proj', 'o_proj'].flatMap((name) => [
        `model.layers.2.self_attn.${name}.lora_A.weight`,
        `model.layers.2.self_attn.${name}.lora_B.weight`,
      ]),
    ]);
    expect(extension.parameters.has('lm_head.delta.weight')).toBe(true);
    // no branch lies below the first one, so a gate could not open its attention
    expect(extension.parameters.has('model.layers.0.self_attn.q_proj.lora_A.weight')).toBe(false);
    expect([...extension.attachments.ffn.keys()]).toEqual(['model.layers.0.mlp', 'model.layers.2.mlp']);
    extension.dispose();
  });

  it('has one gate for all branches where it is shared', async () => {
    const fusion = { type: 'guarded', shared: true };
    const config: Partial<MoeCtConfig> = { fusion, layers: [0, 2], attentionRank: 2 };
    const extension = attach(config);
    const gates = [...extension.parameters.keys()].filter((name) => name.includes('.fusion.'));
    expect(new Set(gates.map((name) => name.split('.')[2]))).toEqual(new Set(['0']));
    shake(extension, 0.3);
    const roles = fill([2, 9], 1, 'int32');
    const options = { attachments: extension.attachments, collectStatistics: true };
    const result = base.forward(tokens, { ...options, training: true, roles });
    const [first, second] = await Promise.all(
      [...result.statistics.values()].map((s) => read(s.baseWeight!)),
    );
    expect(second).toEqual(first);
    expect(new Set(first).size).toBeGreaterThan(1);
    // one gate's prior is a mean over tokens of −log p, however many branches follow it
    const loss = (await read(result.auxLosses['gateOld']!))[0]!;
    expect(loss).toBeCloseTo(first!.reduce((sum, p) => sum - Math.log(p), 0) / first!.length, 4);
    dispose([roles, result]);
    extension.dispose();
  });

  it('gives old text no say over the branch where the gate is forced', async () => {
    const extension = attach({
      fusion: { type: 'guarded', shared: true, teacherForcing: true },
      attentionRank: 2,
    });
    shake(extension, 0.3);
    const gradientsOf = async (role: number): Promise<Map<string, number>> => {
      const roles = fill([2, 9], role, 'int32');
      const options = { attachments: extension.attachments, training: true, roles };
      const { value, gradients } = valueAndGrads(() => {
        const { logits, auxLosses } = base.forward(tokens, options);
        return add(sum(mul(logits, logits)), sum(Object.values(auxLosses).reduce((a, b) => add(a, b))));
      }, extension.parameters);
      const sizes = new Map<string, number>();
      for (const [name, gradient] of gradients) sizes.set(name, Math.hypot(...(await read(gradient))));
      dispose([roles, value, [...gradients.values()]]);
      return sizes;
    };
    for (const [name, size] of await gradientsOf(1)) {
      // what is at layer 0 learns that this text is old, and nothing else does
      if (name.includes('.fusion.')) expect(size, name).toBeGreaterThan(0);
      else expect(size, name).toBe(0);
    }
    for (const [name, size] of await gradientsOf(2)) expect(size, name).toBeGreaterThan(0);
    extension.dispose();
  });

  it('opens attention everywhere when the branch is always on', () => {
    const extension = attach({ ...MOE_CT_MIXTURE, attentionRank: 2, layers: { top: 2 } });
    expect([...extension.attachments.linear.keys()].map((name) => name.split('.')[2])).toEqual(
      [1, 1, 1, 1, 2, 2, 2, 2].map(String),
    );
    extension.dispose();
  });

  it.each([
    ['all', [0, 1, 2]],
    [{ every: 2 }, [1]],
    [{ top: 1 }, [2]],
    [
      [2, 0],
      [0, 2],
    ],
  ] as const)('layers %j', (layers, expected) => {
    const extension = attach({ layers });
    expect([...extension.attachments.ffn.keys()]).toEqual(expected.map((i) => `model.layers.${i}.mlp`));
    extension.dispose();
  });

  it('attaches again from its own configuration, with the same numbers from the same seed', async () => {
    const extension = attach({
      fusion: { type: 'guarded', bias: 1 },
      headDelta: 3,
      expert: { type: 'swiglu' },
    });
    const again = attach(JSON.parse(JSON.stringify(extension.config)));
    expect(again.config).toEqual(extension.config);
    for (const [name, parameter] of extension.parameters) {
      expect(await read(again.parameters.get(name)!), name).toEqual(await read(parameter));
    }
    extension.dispose();
    again.dispose();
  });

  it.each([
    ['a gate that is closed', { fusion: { type: 'guarded', bias: 60 } }],
    ['a threshold of 0', { fusion: { type: 'guarded', gateThreshold: 0 } }],
    ['the discrete choice', { fusion: { type: 'discrete', bias: 60 } }],
    ['always-base', { fusion: { type: 'always-base' } }],
  ])('is the base, bit for bit, with %s (law 3)', async (_, config) => {
    const extension = attach({ ...config, attentionRank: 2 });
    shake(extension, 0.5, 'out_proj.bias');
    const plain = await logitsOf(base, tokens);
    expect(await logitsOf(base, tokens, { attachments: extension.attachments })).toEqual(plain);
    extension.dispose();
  });

  it('is not the base where p is below 1', async () => {
    const extension = attach({ attentionRank: 2 });
    shake(extension, 0.5);
    const plain = await logitsOf(base, tokens);
    const extended = await logitsOf(base, tokens, { attachments: extension.attachments });
    expect(maxDifference(plain, extended)).toBeGreaterThan(0.1);
    const { attachments } = extension;
    expect(await logitsOf(base, tokens, { attachments, gateThreshold: 0 })).toEqual(plain);
    expect(await logitsOf(base, tokens, { attachments, gateThreshold: null })).toEqual(extended);
    expect(await logitsOf(base, tokens, { attachments })).toEqual(extended);
    extension.dispose();
  });

  it('says which threshold it has, and refuses one where there is no gate or out of range', () => {
    const [pack, guarded] = [attach(MOE_CT_MIXTURE), attach({})];
    const paper = attach({ ...MOE_CT_PAPER, fusion: { type: 'continuous', gateThreshold: 0.3 } });
    expect([pack, guarded, paper].map(({ gateThreshold }) => gateThreshold)).toEqual([undefined, null, 0.3]);
    expect(() => checkGateThreshold(pack, 0.5)).toThrow(/needs a gate with a threshold.*moe-ct has none/);
    expect(() => checkGateThreshold(undefined, 0.5)).toThrow(/a base alone has none/);
    expect(() => checkGateThreshold(guarded, 1.5)).toThrow(/up to 1/);
    checkGateThreshold(guarded, null);
    for (const extension of [pack, guarded, paper]) extension.dispose();
  });

  it("reads the threshold's former name, and keeps it under today's", async () => {
    for (const type of ['guarded', 'continuous']) {
      const former = attach({ fusion: { type, snap: 0 } });
      expect(former.config['fusion']).toMatchObject({ type, gateThreshold: 0 });
      expect(former.config['fusion']).not.toHaveProperty('snap');
      shake(former, 0.5);
      const plain = await logitsOf(base, tokens);
      expect(await logitsOf(base, tokens, { attachments: former.attachments })).toEqual(plain);
      // an older file, merged over a current preset
      const both = attach({ fusion: { type, gateThreshold: 0.2, snap: 0.7 } });
      expect(both.gateThreshold).toBe(0.7);
      former.dispose();
      both.dispose();
    }
    expect(() => attach({ fusion: { type: 'discrete', snap: 0.5 } })).toThrow(/fusion\.snap: is not known/);
  });

  it('asks its parts what they are, whatever they are called', () => {
    const expert = swigluExpert({ size: 5, init: 'zero-down' });
    const method = moeCt({
      experts: {
        mine: () => ({ ...expert, name: 'mine' }),
        copies: () => ({ ...swigluExpert(), name: 'x' }),
      },
      fusions: { open: () => ({ ...alwaysOn(), name: 'open' }), gated: () => guardedGate({ bias: 1 }) },
    });
    const parts = { expert: { type: 'mine' }, fusion: { type: 'open' } };
    const open = method.attach(base, { ...parts, attentionRank: 2, layers: [0] }, createRng(1));
    expect([...open.attachments.linear.keys()][0]).toBe('model.layers.0.self_attn.q_proj');
    const gated = method.attach(base, { ...parts, fusion: { type: 'gated' } }, createRng(1));
    expect([open.gateThreshold, gated.gateThreshold]).toEqual([undefined, null]);
    const one = { numExperts: 4, topK: 1 };
    expect(() => method.attach(base, { ...one, expert: { type: 'copies' } }, createRng(1))).toThrow(
      /1 of several copies/,
    );
    const single = method.attach(base, { ...parts, ...one }, createRng(1));
    for (const extension of [open, gated, single]) extension.dispose();
  });

  it('gives a document packed with others what it gives it alone (law 7)', async () => {
    const extension = attach({ attentionRank: 2 });
    shake(extension, 0.2);
    const ids = [...(await tokens.data())];
    const packed = tensor(Int32Array.from([...ids.slice(0, 5), ...ids.slice(9, 13), 0]), [1, 10], 'int32');
    const documentIds = tensor([0, 0, 0, 0, 0, 1, 1, 1, 1, -1], [1, 10], 'int32');
    const positions = tensor([0, 1, 2, 3, 4, 0, 1, 2, 3, 0], [1, 10], 'int32');
    const alone = tensor(Int32Array.from(ids.slice(9, 13)), [1, 4], 'int32');
    const { attachments } = extension;
    const together = await logitsOf(base, packed, { attachments, documentIds, positions });
    const single = await logitsOf(base, alone, { attachments });
    expect(maxDifference(together.subarray(5 * 37, 9 * 37), single)).toBeLessThan(1e-5);
    dispose([packed, documentIds, positions, alone]);
    extension.dispose();
  });

  it('adds up over micro-batches: losses and their gradients (law 10)', async () => {
    const extension = attach({ numExperts: 3, router: { type: 'top-k', zLoss: 0.1 } });
    shake(extension, 0.3);
    const normalizers: LossNormalizers = { tokens: 16, oldTokens: 7, newTokens: 9 };
    const roles = [1, 1, 1, 1, 2, 2, 2, 2, 0, 2, 2, 2, 2, 2, 1, 1, 1, 0];
    const documents = roles.map((role) => (role === 0 ? -1 : 0));
    const run = async (rows: number[]): Promise<[Record<string, number>, Map<string, Float32Array>]> => {
      const take = (values: ArrayLike<number>): Tensor =>
        tensor(
          rows.flatMap((row) => Array.from(values).slice(9 * row, 9 * row + 9)),
          [rows.length, 9],
          'int32',
        );
      const [part, partRoles, documentIds] = [take(await tokens.data()), take(roles), take(documents)];
      const losses: Record<string, number> = {};
      const forward = () =>
        base.forward(part, {
          attachments: extension.attachments,
          training: true,
          roles: partRoles,
          documentIds,
          normalizers,
        });
      const { auxLosses, logits } = forward();
      for (const [name, loss] of Object.entries(auxLosses)) losses[name] = (await read(loss))[0]!;
      const { value, gradients } = valueAndGrads(
        () => Object.values(forward().auxLosses).reduce((a, b) => add(a, b)),
        extension.parameters,
      );
      const onHost = new Map<string, Float32Array>();
      for (const [name, gradient] of gradients) onHost.set(name, await read(gradient));
      dispose([part, partRoles, documentIds, { ...auxLosses }, logits, value, [...gradients.values()]]);
      return [losses, onHost];
    };
    const [whole, wholeGradients] = await run([0, 1]);
    const [first, firstGradients] = await run([0]);
    const [second, secondGradients] = await run([1]);
    expect(Object.keys(whole).sort()).toEqual(['gateNew', 'gateOld', 'routerZ']);
    for (const [name, loss] of Object.entries(whole)) {
      expect(loss, name).toBeGreaterThan(0);
      expect(first[name]! + second[name]!, name).toBeCloseTo(loss, 5);
    }
    for (const [name, gradient] of wholeGradients) {
      const [a, b] = [firstGradients.get(name), secondGradients.get(name)];
      const parts = gradient.map((_, i) => (a?.[i] ?? 0) + (b?.[i] ?? 0));
      expect(maxDifference(gradient, parts), name).toBeLessThan(1e-5);
    }
    extension.dispose();
  });

  it('weighs a prior as one nat a token, whatever the depth', async () => {
    const roles = fill([2, 9], 1, 'int32');
    for (const layers of [[0], [0, 1, 2]]) {
      const extension = attach({ layers, fusion: { type: 'guarded', bias: -3 } });
      for (const [name, parameter] of extension.parameters) {
        if (name.endsWith('out_proj.weight')) tidy(() => assign(parameter, mul(parameter, 0)));
      }
      const { auxLosses, logits } = base.forward(tokens, {
        attachments: extension.attachments,
        training: true,
        roles,
      });
      expect((await read(auxLosses['gateOld']!))[0]).toBeCloseTo(Math.log1p(Math.exp(3)), 4);
      dispose([{ ...auxLosses }, logits]);
      extension.dispose();
    }
    roles.dispose();
  });

  it('hands out statistics when asked', async () => {
    const extension = attach({});
    const result = base.forward(tokens, { attachments: extension.attachments, collectStatistics: true });
    const site = result.statistics.get('model.layers.1.mlp')!;
    expect(site.baseWeight!.shape).toEqual([2, 9, 1]);
    expect(site.expertIndices!.shape).toEqual([18, 2]);
    expect(await read(site.tokensPerExpert!)).toEqual(Float32Array.of(18, 18));
    dispose({ ...result });
    extension.dispose();
  });

  it('trains unfrozen base parameters as copies, a tied head once', async () => {
    const tied = tinyLlama({ tie_word_embeddings: true });
    const before = await read(tied.parameters.get('model.embed_tokens.weight')!);
    const extension = moeCt().attach(tied, { unfreeze: ['model.embed_tokens.weight'] }, createRng(1));
    expect([...extension.overrides.keys()]).toEqual(['model.embed_tokens.weight']);
    const copy = extension.parameters.get('model.embed_tokens.weight')!;
    tidy(() => assign(copy, mul(copy, 2)));
    expect(await read(tied.parameters.get('model.embed_tokens.weight')!)).toEqual(before);
    extension.dispose();
    tied.dispose();
  });

  it('takes components of your own by type', () => {
    const open: Fusion = { ...guardedGate(), name: 'mine' };
    const method = moeCt({ fusions: { mine: () => open } });
    const extension = method.attach(base, { fusion: { type: 'mine', anything: 3 } }, createRng(1));
    expect(extension.config['fusion']).toEqual({ type: 'mine', anything: 3 });
    extension.dispose();
  });

  it.each([
    [{ experts: 4 }, /experts: is not known; known are layers, numExperts/],
    [{ numExperts: 0, topK: 1.5, layers: 'some', headDelta: 0 }, /4 problem/],
    [{ numExperts: 2, topK: 3 }, /topK: must be at most numExperts = 2/],
    [{ numExperts: 4, topK: 1 }, /1 of several copies is not the base/],
    [{ layers: [3] }, /this base has 3 layers/],
    [{ layers: { top: 4 } }, /this base has 3 layers/],
    [{ layers: { every: 5 } }, /chooses none of 3/],
    [{ fusion: { type: 'gate' } }, /fusion\.type: There is no fusion 'gate'\. Available: guarded/],
    [{ fusion: { type: 'toString' } }, /There is no fusion 'toString'/],
    [
      { fusion: { type: 'guarded', oldPrior: -1 }, router: { type: 'top-k', zLoss: -2 } },
      /2 problem.*router\.zLoss.*fusion\.oldPrior/s,
    ],
    [{ layers: [1], attentionRank: 4 }, /needs a branch below/],
    [{ unfreeze: ['nothing.*'] }, /nothing matches nothing/],
    [{ expert: { type: 'swiglu', size: 7 } }, /use 'slice'/],
  ])('refuses %j', (config, message) => {
    const before = memory().numTensors;
    expect(() => attach(config as never)).toThrow(message);
    expect(memory().numTensors).toBe(before);
  });

  it.each([
    ['always on, copies of the FFN', MOE_CT_MIXTURE, 0],
    [
      'always on, added to the FFN',
      { ...MOE_CT_MIXTURE, expert: { type: 'swiglu', size: 5, init: 'zero-down' } },
      1,
    ],
    ['guarded', {}, 1],
    ['half and half', { fusion: { type: 'fixed' } }, 1],
  ] as const)("computes the base's FFN only where it counts: %s", (_, config, times) => {
    const extension = attach(config as Partial<MoeCtConfig>);
    let calls = 0;
    const watch = (_input: Tensor, output: Tensor): Tensor => {
      calls++;
      return output;
    };
    const linear = new Map([...extension.attachments.linear, ['model.layers.1.mlp.down_proj', watch]]);
    dispose(base.forward(tokens, { attachments: { ...extension.attachments, linear } }));
    expect(calls).toBe(times);
    extension.dispose();
  });

  it.each([
    ['a gated FFN with biases', () => tinyLlama({ mlp_bias: true }), { type: 'swiglu' }],
    ['GPT-2', tinyGpt2, { type: 'mlp', activation: 'gelu-tanh' }],
    ['GPT-2 with ReLU', () => tinyGpt2({ activation_function: 'relu' }), { type: 'mlp', activation: 'relu' }],
    ['GPT-NeoX', tinyNeox, { type: 'mlp', activation: 'gelu' }],
  ])('copies the FFN of the base, whatever it is: %s', async (_, create, expert) => {
    const other = withRandomBiases(create());
    const plain = await logitsOf(other, tokens);
    for (const config of [{ attentionRank: 2 }, { ...MOE_CT_MIXTURE, attentionRank: 2 }, MOE_CT_PAPER]) {
      const extension = moeCt().attach(other, config, createRng(7));
      expect(extension.config['expert']).toEqual({ size: null, init: 'copy', ...expert });
      const { attachments } = extension;
      expect(maxDifference(await logitsOf(other, tokens, { attachments }), plain)).toBeLessThan(5e-5);
      const again = moeCt().attach(other, JSON.parse(JSON.stringify(extension.config)), createRng(7));
      expect([...again.parameters.keys()]).toEqual([...extension.parameters.keys()]);
      expect(again.config).toEqual(extension.config);
      again.dispose();
      extension.dispose();
    }
    other.dispose();
  });

  it('follows the base in what is added to it as well, and takes the kind that is named', () => {
    const gpt2 = tinyGpt2();
    const attachTo = (other: BaseModel, expert: object): Extension =>
      moeCt().attach(other, { expert: { type: 'auto', ...expert } as never, layers: [1] }, createRng(1));
    const small = attachTo(gpt2, { size: 5, init: 'zero-down' });
    expect(small.config['expert']).toEqual({
      type: 'mlp',
      size: 5,
      init: 'zero-down',
      activation: 'gelu-tanh',
    });
    expect(small.parameters.get('transformer.h.1.moe.experts.up_proj.bias')!.shape).toEqual([2, 5]);
    const gated = attachTo(gpt2, { type: 'swiglu', size: 5, init: 'zero-down' });
    expect(gated.parameters.has('transformer.h.1.moe.experts.gate_proj.weight')).toBe(true);
    const named = attachTo(gpt2, { type: 'mlp' });
    expect(named.config['expert']).toMatchObject({ activation: 'gelu-tanh' });
    const before = memory().numTensors;
    expect(() => attachTo(gpt2, { type: 'swiglu' })).toThrow(/this base's is plain with gelu-tanh/);
    expect(() => attachTo(base, { type: 'mlp' })).toThrow(/this base's is gated with silu/);
    const blind: BaseModel = {
      ...base,
      ffnAt: (site) => {
        throw new NoSuchComponentError('ffn site', site, []);
      },
    };
    expect(() => attachTo(blind, {})).toThrow(/expert\.type: 'auto' follows the base's own FFN/);
    expect(memory().numTensors).toBe(before);
    for (const extension of [small, gated, named]) extension.dispose();
    gpt2.dispose();
  });

  it('finds the linears of attention by what they do', () => {
    const [gpt2, neox] = [tinyGpt2(), tinyNeox()];
    const linears = (other: BaseModel): string[] => {
      const extension = moeCt().attach(other, { ...MOE_CT_MIXTURE, layers: [1] }, createRng(1));
      const names = [...extension.attachments.linear.keys()];
      extension.dispose();
      return names;
    };
    expect(linears(gpt2)).toEqual(['transformer.h.1.attn.c_attn', 'transformer.h.1.attn.c_proj']);
    expect(linears(neox)).toEqual([
      'gpt_neox.layers.1.attention.query_key_value',
      'gpt_neox.layers.1.attention.dense',
    ]);
    gpt2.dispose();
    neox.dispose();
  });
});
