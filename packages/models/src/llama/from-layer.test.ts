import {
  type Attachments,
  type BaseModel,
  InvalidConfigError,
  ShapeMismatchError,
  type Tensor,
} from '@moect/core';
import {
  add,
  createRng,
  dispose,
  memory,
  randomNormal,
  sum,
  tensor,
  tidy,
  valueAndGrads,
  variable,
} from '@moect/tensor';
import { leakedTensors, selectBackend, testBackends } from '@moect/tensor/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { deepLlama } from '../testing/deep-llama.ts';

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

  it('gives the bits of the whole pass, from every layer', async () => {
    const whole = model.forward(tokens, { ...inputs, collectHiddenStates: true });
    for (let layer = 0; layer <= model.numLayers; layer++) {
      const hidden = model.prefix!.hidden(layer, tokens, inputs);
      if (layer < model.numLayers) expect(await bits(hidden)).toEqual(await bits(whole.hiddenStates[layer]!));
      const upper = model.forward(tokens, { ...inputs, from: { layer, hidden }, collectHiddenStates: true });
      expect(await bits(upper.logits)).toEqual(await bits(whole.logits));
      expect(upper.hiddenStates).toHaveLength(model.numLayers - layer + 1);
      dispose([upper, hidden]);
    }
    dispose(whole);
  });

  it('says what the first touched layer is', () => {
    const { firstLayer } = model.prefix!;
    const delta = tensor([0], [1]);
    expect(firstLayer({})).toBe(6);
    expect(firstLayer({ attachments: changed('model.layers.4', delta) })).toBe(4);
    const override = (name: string): Map<string, Tensor> => new Map([[name, model.parameters.get(name)!]]);
    expect(firstLayer({ overrides: override('model.layers.5.mlp.up_proj.weight') })).toBe(5);
    expect(firstLayer({ overrides: override('lm_head.weight') })).toBe(6);
    expect(firstLayer({ overrides: model.parameters })).toBe(0);
    delta.dispose();
  });

  it('refuses what would be another computation', () => {
    const hidden = model.prefix!.hidden(3, tokens);
    const cache = model.createCache(2);
    const attachments = changed('model.layers.2', hidden);
    const run = (options: object) => () => model.forward(tokens, { from: { layer: 3, hidden }, ...options });
    expect(run({ attachments })).toThrow(/begins at layer 3, but layer 2 is attached/);
    expect(run({ cache })).toThrow(InvalidConfigError);
    expect(run({ from: { layer: 7, hidden } })).toThrow(/from 0 to 6/);
    expect(run({ from: { layer: 3, hidden: tokens } })).toThrow(ShapeMismatchError);
    cache.dispose();
    hidden.dispose();
  });

  it('records nothing below the first touched layer, and gives the same gradients from there', async () => {
    const delta = variable(randomNormal(createRng(4), [2, 6, 16], 1));
    const attachments = changed('model.layers.4', delta);
    const run = (hidden?: Tensor): { kept: number; result: ReturnType<typeof valueAndGrads> } => {
      let kept = 0;
      const from = hidden && { from: { layer: 4, hidden } };
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
    const hidden = model.prefix!.hidden(4, tokens, inputs);
    const [whole, upper] = [run(), run(hidden)];
    // the four layers below add no tensor to what is kept; the gradient of the first pass is there in the second
    expect(upper.kept - whole.kept).toBe(2);
    expect(await bits(upper.result.value)).toEqual(await bits(whole.result.value));
    expect(await bits(upper.result.gradients.get('delta')!)).toEqual(
      await bits(whole.result.gradients.get('delta')!),
    );
    dispose([delta, hidden, whole, upper]);
  });

  it('leaks nothing', async () => {
    const leaked = await leakedTensors(() => {
      const hidden = model.prefix!.hidden(2, tokens, inputs);
      dispose(model.forward(tokens, { ...inputs, from: { layer: 2, hidden }, collectHiddenStates: true }));
      expect(hidden.isDisposed).toBe(false);
      hidden.dispose();
    });
    expect(leaked).toBe(0);
  });
});
