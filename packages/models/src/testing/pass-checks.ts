import type { Attachments, BaseModel, FfnOutput, StartPoint, Tensor } from '@moect/core';
import {
  add,
  crossEntropy,
  dispose,
  mul,
  reshape,
  sum,
  tidy,
  valueAndGrads,
  variable,
  zeros,
} from '@moect/tensor';
import { maxDifference } from '@moect/tensor/testing';
import { expect } from 'vitest';
import { ids, logitsOf, someTokens } from './model-checks.ts';

function besideFfn(site: string, branch: (residual: Tensor, base: Tensor) => Tensor): Attachments {
  const attached = ({ residual, base }: { residual: Tensor; base: Tensor }): FfnOutput => ({
    output: branch(residual, base),
  });
  return { ffn: new Map([[site, attached]]), linear: new Map(), block: new Map(), head: null };
}

async function checkStart(model: BaseModel, start: StartPoint, attachments?: Attachments): Promise<void> {
  const tokens = (): Tensor => ids(someTokens(model, 10), [2, 5]);
  const options = attachments && { attachments };
  const whole = await logitsOf(model, tokens(), options);
  const given = tokens();
  const hidden = model.prefix!.hidden(start, given);
  given.dispose();
  const upper = await logitsOf(model, tokens(), { ...options, from: { ...start, hidden } });
  expect([start, maxDifference(upper, whole)]).toEqual([start, 0]);
}

/** A pass that begins at a point which the base names has the bits of the whole pass. */
export async function checkStartPoints(model: BaseModel): Promise<void> {
  const { prefix, numLayers } = model;
  if (prefix === undefined) return;
  expect(prefix.start({})).toEqual({ layer: numLayers, at: 'block' });
  await checkStart(model, { layer: numLayers, at: 'block' });
  for (const { name, layer, kind } of model.sites) {
    if (kind !== 'ffn') continue;
    const attachments = besideFfn(name, (residual, base) => add(residual, mul(base, 1.5)));
    const start = prefix.start({ attachments });
    expect(start.layer).toBe(layer);
    await checkStart(model, start, attachments);
    await checkStart(model, { layer: layer!, at: 'block' }, attachments);
  }
}

/** Layers that run again on the way back give the same bits. */
export async function checkRecomputation(model: BaseModel): Promise<void> {
  const weights = new Map([...model.parameters].map(([name, own]) => [name, variable(own)]));
  const [tokens, targets] = [ids(someTokens(model, 8), [2, 4]), ids(someTokens(model, 8, 9), [2, 4])];
  const places = { documentIds: zeros([2, 4], 'int32'), positions: ids([0, 1, 2, 3, 0, 1, 2, 3], [2, 4]) };
  const run = (recompute: boolean): ReturnType<typeof valueAndGrads> =>
    valueAndGrads(() => {
      const { logits } = model.forward(tokens, { ...places, overrides: weights, training: true, recompute });
      return sum(crossEntropy(reshape(logits, [8, model.vocabSize]), reshape(targets, [8])));
    }, weights);
  const [plain, again] = [run(false), run(true)];
  expect(maxDifference(await again.value.data(), await plain.value.data())).toBe(0);
  for (const [name, gradient] of plain.gradients) {
    const other = await again.gradients.get(name)!.data();
    expect([name, maxDifference(other, await gradient.data())]).toEqual([name, 0]);
  }
  dispose([weights, tokens, targets, places, plain, again]);
}

/** `loss` is the cross-entropy of the logits. */
export async function checkLoss(model: BaseModel): Promise<void> {
  if (model.loss === undefined) return;
  const tokens = ids(someTokens(model, 8), [2, 4]);
  const targets = ids([...someTokens(model, 7, 9), -1], [2, 4]);
  const { loss, tokenLosses } = model.loss(tokens, targets, 0.25);
  const wanted = tidy(() =>
    crossEntropy(reshape(model.forward(tokens).logits, [8, model.vocabSize]), reshape(targets, [8])),
  );
  const [given, expected] = [await tokenLosses.data(), await wanted.data()];
  expect(maxDifference(given, expected)).toBeLessThan(1e-4);
  expect(given[7] === 0).toBe(true);
  const total = 0.25 * Array.from(expected).reduce((a, b) => a + b, 0);
  expect(Math.abs((await loss.data())[0]! - total)).toBeLessThan(1e-4);
  dispose([tokens, targets, loss, tokenLosses, wanted]);
}
