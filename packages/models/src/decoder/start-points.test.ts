import {
  type Attachments,
  type BaseModel,
  type FfnInput,
  type FfnOutput,
  InvalidConfigError,
  ShapeMismatchError,
  type Tensor,
} from '@moect/core';
import {
  add,
  concat,
  createRng,
  dispose,
  memory,
  mul,
  randomNormal,
  split,
  sum,
  tensor,
  tidy,
  valueAndGrads,
  variable,
} from '@moect/tensor';
import { leakedTensors, selectBackend, testBackends } from '@moect/tensor/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { deepLlama } from '../testing/deep-llama.ts';

const POINTS = ['block', 'ffn'] as const;

describe.each(testBackends())('a pass that begins in the middle, on %s', (backend) => {
  let model: BaseModel;
  let tokens: Tensor;
  const packed = {
    documentIds: [0, 0, 0, 1, 1, 1, 0, 0, 0, 0, -1, -1],
    positions: [0, 1, 2, 0, 1, 2, 0, 1, 2, 3, 0, 0],
  };
  let inputs: { documentIds: Tensor; positions: Tensor };
  beforeAll(async () => {
    await selectBackend(backend);
    model = deepLlama(2);
    const ids = (values: number[]): Tensor => tensor(values, [2, 6], 'int32');
    tokens = ids([4, 8, 2, 22, 1, 9, 5, 5, 3, 7, 0, 0]);
    inputs = { documentIds: ids(packed.documentIds), positions: ids(packed.positions) };
  });
  afterAll(() => {
    dispose([tokens, inputs]);
    model.dispose();
  });
  const bits = async (x: Tensor): Promise<number[]> => [...(await x.data())];
  const changed = (site: string, delta: Tensor): Attachments => ({
    ffn: new Map(),
    linear: new Map(),
    block: new Map([[site, (stream) => add(stream, delta)]]),
    head: null,
  });

  const atFfn = (layer: number, branch: (input: FfnInput) => FfnOutput): Attachments => ({
    ffn: new Map([[`model.layers.${layer}.mlp`, branch]]),
    linear: new Map(),
    block: new Map(),
    head: null,
  });

  it('gives the bits of the whole pass, from every layer', async () => {
    const whole = model.forward(tokens, { ...inputs, collectHiddenStates: true });
    const blocks = Array.from(
      { length: model.numLayers + 1 },
      (_, layer) => ({ layer, at: 'block' }) as const,
    );
    const ffns = blocks.slice(0, -1).map(({ layer }) => ({ layer, at: 'ffn' }) as const);
    for (const start of [...blocks, ...ffns]) {
      const { layer, at } = start;
      const hidden = model.prefix!.hidden(start, tokens, inputs);
      if (layer < model.numLayers && at === 'block') {
        expect(await bits(hidden)).toEqual(await bits(whole.hiddenStates[layer]!));
      }
      const upper = model.forward(tokens, {
        ...inputs,
        from: { ...start, hidden },
        collectHiddenStates: true,
      });
      expect(await bits(upper.logits)).toEqual(await bits(whole.logits));
      expect(upper.hiddenStates).toHaveLength(model.numLayers - layer + 1);
      dispose([upper, hidden]);
    }
    dispose(whole);
  });

  it('says where the first touched place is', () => {
    const { start } = model.prefix!;
    const linear = (site: string): Pick<Attachments, 'linear'> => ({
      linear: new Map([[site, (_input, output) => output]]),
    });
    expect(start({})).toEqual({ layer: 6, at: 'block' });
    expect(start({ attachments: changed('model.layers.4', tokens) })).toEqual({ layer: 4, at: 'ffn' });
    const branch = atFfn(4, ({ residual }) => ({ output: residual }));
    expect(start({ attachments: branch })).toEqual({ layer: 4, at: 'ffn' });
    for (const inside of ['self_attn.o_proj', 'mlp.down_proj']) {
      const below = { ...branch, ...linear(`model.layers.4.${inside}`) };
      expect(start({ attachments: below })).toEqual({ layer: 4, at: 'block' });
    }
    const above = { ...branch, ...linear('model.layers.5.self_attn.q_proj') };
    expect(start({ attachments: above })).toEqual({ layer: 4, at: 'ffn' });
    const override = (name: string): Map<string, Tensor> => new Map([[name, model.parameters.get(name)!]]);
    for (const name of ['mlp.up_proj', 'post_attention_layernorm']) {
      const overrides = override(`model.layers.4.${name}.weight`);
      expect(start({ overrides, attachments: branch })).toEqual({ layer: 4, at: 'block' });
    }
    expect(start({ overrides: override('lm_head.weight') })).toEqual({ layer: 6, at: 'block' });
    expect(start({ overrides: model.parameters })).toEqual({ layer: 0, at: 'block' });
  });

  it('takes a and f at an FFN site as they are given', async () => {
    const start = { layer: 3, at: 'ffn' } as const;
    const hidden = model.prefix!.hidden(start, tokens, inputs);
    const [residual, base] = split(hidden, [16, 16]) as [Tensor, Tensor];
    const doubled = tidy(() => concat([residual, mul(base, 2)], -1));
    const seen: Promise<number[]>[] = [];
    const attachments = atFfn(3, (input) => {
      seen.push(bits(input.residual), bits(input.base));
      return { output: add(input.residual, input.base) };
    });
    for (const given of [hidden, doubled]) {
      dispose(model.forward(tokens, { ...inputs, attachments, from: { ...start, hidden: given } }));
    }
    const [a, f] = [await bits(residual), await bits(base)];
    expect(await Promise.all(seen)).toEqual([a, f, a, f.map((x) => 2 * x)]);
    dispose([hidden, residual, base, doubled]);
  });

  it('refuses what would be another computation', () => {
    const from = { layer: 3, at: 'block' } as const;
    const hidden = model.prefix!.hidden(from, tokens);
    const cache = model.createCache(2);
    const attachments = changed('model.layers.2', hidden);
    const run = (options: object) => () => model.forward(tokens, { from: { ...from, hidden }, ...options });
    expect(run({ attachments })).toThrow(/begins at layer 3, but the FFN of layer 2 is attached/);
    const overrides = new Map(
      [...model.parameters].filter(([name]) => name.includes('layers.3.self_attn.q')),
    );
    const wide = concat([hidden, hidden], -1);
    const ffn = { layer: 3, at: 'ffn', hidden: wide };
    expect(run({ from: ffn, overrides })).toThrow(/at the FFN of layer 3, but layer 3 is attached/);
    expect(run({ from: { ...ffn, hidden } })).toThrow(/2, 6, 32/);
    expect(run({ from: { ...ffn, layer: 6 } })).toThrow(/no FFN of layer 6/);
    wide.dispose();
    expect(run({ cache })).toThrow(InvalidConfigError);
    expect(run({ from: { ...from, layer: 7, hidden } })).toThrow(/from 0 to 6/);
    expect(run({ from: { ...from, hidden: tokens } })).toThrow(ShapeMismatchError);
    cache.dispose();
    hidden.dispose();
  });

  it.each(POINTS)(
    'records nothing below the %s that is touched, and gives the same gradients',
    async (at) => {
      const delta = variable(randomNormal(createRng(4), [2, 6, 16], 1));
      const attachments = changed('model.layers.4', delta);
      const run = (hidden?: Tensor): { kept: number; result: ReturnType<typeof valueAndGrads> } => {
        let kept = 0;
        const from = hidden && { from: { layer: 4, at, hidden } };
        const result = valueAndGrads(
          () => {
            const loss = tidy(() => sum(model.forward(tokens, { ...inputs, attachments, ...from }).logits));
            kept = memory().numTensors;
            return loss;
          },
          new Map([['delta', delta]]),
        );
        return { kept, result };
      };
      const hidden = model.prefix!.hidden({ layer: 4, at }, tokens, inputs);
      const [whole, upper] = [run(), run(hidden)];
      // the four layers below keep no tensor; value and gradient of the first pass are alive in the second
      expect(upper.kept - whole.kept).toBe(2);
      expect(await bits(upper.result.value)).toEqual(await bits(whole.result.value));
      expect(await bits(upper.result.gradients.get('delta')!)).toEqual(
        await bits(whole.result.gradients.get('delta')!),
      );
      dispose([delta, hidden, whole, upper]);
    },
  );

  it('leaks nothing', async () => {
    const leaked = await leakedTensors(() => {
      for (const at of POINTS) {
        const hidden = model.prefix!.hidden({ layer: 2, at }, tokens, inputs);
        const from = { layer: 2, at, hidden };
        dispose(model.forward(tokens, { ...inputs, from, collectHiddenStates: true }));
        expect(hidden.isDisposed).toBe(false);
        hidden.dispose();
      }
    });
    expect(leaked).toBe(0);
  });
});
