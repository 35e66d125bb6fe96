import type { BaseModel, Tensor, Variable } from '@moect/core';
import { type OpenSafetensors, openSafetensors } from '@moect/safetensors/node';
import {
  adamWUpdate,
  clipScale,
  crossEntropy,
  dispose,
  globalNorm,
  mean,
  reshape,
  slice,
  tensor,
  transpose,
  valueAndGrads,
  variable,
  zeros,
  zerosLike,
} from '@moect/tensor';
import { maxDifference, selectBackend, testBackends } from '@moect/tensor/testing';
import { fixture, fixtureJson } from 'moect-test-support/fixtures';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadHuggingFaceFolder } from '../node/load-folder.ts';

/**
 * `isTransposed`: linears lie in files as [in, out]. `hasNoise`: some gradients are nothing but rounding noise (the bias of
 * keys moves all scores of a query alike), which Adam blows up to whole steps.
 */
const FOLDERS = [
  { name: 'models/llama-mha-untied', isTransposed: false, hasNoise: false },
  { name: 'models/gpt2', isTransposed: true, hasNoise: true },
];

interface Golden {
  loss: number;
  training: {
    losses_before_each_step: number[];
    loss_after_last_step: number;
    grad_norm_before_clipping: number[];
    /** Elements whose gradient is rounding noise, by their index in the file. */
    after3_unstable_flat_index: Record<string, number[]>;
  };
}

const variables = (model: BaseModel): Map<string, Variable> =>
  new Map([...model.parameters].map(([name, parameter]) => [name, variable(parameter)]));

/** ‖a − b‖ / ‖b‖ */
function relativeError(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let [difference, norm] = [0, 0];
  for (let i = 0; i < b.length; i++) {
    difference += (a[i]! - b[i]!) ** 2;
    norm += b[i]! ** 2;
  }
  return Math.sqrt(difference / norm);
}

const cases = testBackends().flatMap((backend) => FOLDERS.map((folder) => ({ backend, ...folder })));

describe.each(cases)('training $name against torch on $backend', (given) => {
  let model: BaseModel;
  let tokens: Tensor;
  let targets: Tensor;
  let places: { positions: Tensor; documentIds: Tensor };
  let [expected, grads, after3] = [] as unknown as OpenSafetensors[];
  const golden = (): Golden => fixtureJson(`${given.name}/expected.json`);
  const linears = (): Set<string> =>
    new Set(model.sites.flatMap(({ kind, name }) => (kind === 'linear' ? [`${name}.weight`] : [])));
  /** Values of a parameter's shape in the order of the file. */
  const asInFile = async (name: string, x: Tensor): Promise<ArrayLike<number>> => {
    if (!given.isTransposed || !linears().has(name)) return x.data();
    const turned = transpose(x);
    const values = (await turned.data()).slice();
    turned.dispose();
    return values;
  };
  /** Values without the elements that are noise. */
  const stable = (name: string, values: ArrayLike<number>): number[] => {
    const unstable = new Set(given.hasNoise ? golden().training.after3_unstable_flat_index[name] : []);
    return Array.from(values).filter((_, i) => !unstable.has(i));
  };

  beforeAll(async () => {
    await selectBackend(given.backend);
    ({ model } = await loadHuggingFaceFolder(fixture(given.name)));
    [expected, grads, after3] = await Promise.all(
      ['expected', 'grads', 'after3'].map((name) =>
        openSafetensors(fixture(`${given.name}/${name}.safetensors`)),
      ),
    );
    const { shape, data } = await expected!.tensor('input_ids');
    tokens = tensor(data, shape, 'int32');
    const time = shape[1]!;
    places = {
      positions: tensor(data.map((_, i) => i % time) as Int32Array, shape, 'int32'),
      documentIds: zeros(shape, 'int32'),
    };
    targets = tensor(data.filter((_, i) => i % time > 0) as Int32Array, [shape[0]! * (time - 1)], 'int32');
  });
  afterAll(async () => {
    model.dispose();
    dispose([tokens, targets, places]);
    for (const file of [expected, grads, after3]) await file!.close();
  });

  /** Mean loss with these weights. */
  const lossOf = (weights: Map<string, Variable>): Tensor => {
    const { logits } = model.forward(tokens, { ...places, overrides: weights, training: true });
    const [batch, time, vocab] = logits.shape as [number, number, number];
    const predicting = slice(logits, [0, 0, 0], [batch, time - 1, vocab]);
    return mean(crossEntropy(reshape(predicting, [-1, vocab]), targets));
  };

  it('loss and every gradient', async () => {
    const weights = variables(model);
    const { value, gradients } = valueAndGrads(() => lossOf(weights), weights);
    expect((await value.data())[0]).toBeCloseTo(golden().loss, 5);
    expect([...gradients.keys()].sort()).toEqual([...grads!.entries.keys()].sort());
    for (const [name, gradient] of gradients) {
      expect([name, gradient.shape]).toEqual([name, model.parameters.get(name)!.shape]);
      const [values, wanted] = [await asInFile(name, gradient), (await grads!.tensor(name)).data];
      expect(relativeError(values, wanted), name).toBeLessThan(5e-5);
    }
    dispose([weights, value, gradients]);
  });

  it('three AdamW steps', async () => {
    const weights = variables(model);
    const moments = new Map(
      [...weights].map(([name, w]) => [name, [variable(zerosLike(w)), variable(zerosLike(w))] as const]),
    );
    const [losses, norms]: number[][] = [[], []];
    for (let step = 1; step <= 3; step++) {
      const { value, gradients } = valueAndGrads(() => lossOf(weights), weights);
      losses!.push((await value.data())[0]!);
      const norm = globalNorm(gradients.values());
      norms!.push((await norm.data())[0]!);
      const scale = clipScale(norm, 1);
      const entries = [...weights].map(([name, parameter]) => {
        const [expAvg, expAvgSq] = moments.get(name)!;
        const weightDecay = parameter.rank >= 2 ? 0.1 : 0;
        return { parameter, gradient: gradients.get(name)!, expAvg, expAvgSq, weightDecay };
      });
      adamWUpdate(entries, scale, { learningRate: 1e-3, beta1: 0.9, beta2: 0.95, eps: 1e-8, step });
      dispose([value, gradients, norm, scale]);
    }
    const last = lossOf(weights);
    losses!.push((await last.data())[0]!);
    const { losses_before_each_step, loss_after_last_step, grad_norm_before_clipping } = golden().training;
    expect(maxDifference(losses!, [...losses_before_each_step, loss_after_last_step])).toBeLessThan(5e-5);
    expect(maxDifference(norms!, grad_norm_before_clipping)).toBeLessThan(1e-4);
    for (const [name, w] of weights) {
      const [values, wanted] = [await asInFile(name, w), (await after3!.tensor(name)).data];
      expect(maxDifference(stable(name, values), stable(name, wanted)), name).toBeLessThan(2e-5);
    }
    dispose([weights, moments, last]);
  });
});
