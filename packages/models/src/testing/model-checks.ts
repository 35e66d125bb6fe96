import {
  type BaseFfn,
  type BaseModel,
  type ForwardOptions,
  type ForwardResult,
  NoMatchingParameterError,
  NoSuchComponentError,
  ShapeMismatchError,
  type Tensor,
} from '@moect/core';
import {
  createRng,
  dispose,
  memory,
  mul,
  randomNormal,
  sum,
  tensor,
  valueAndGrads,
  variable,
  zeros,
} from '@moect/tensor';
import { leakedTensors, maxDifference } from '@moect/tensor/testing';
import { expect } from 'vitest';

/** Rounding between different batch shapes; logits are of order 1. */
const TOLERANCE = 1e-4;
const LENGTHS = [1, 3, 7, 15, 31, 32, 63];

export const ids = (values: ArrayLike<number>, shape: readonly number[]): Tensor =>
  tensor(Int32Array.from(values), shape, 'int32');

export const someTokens = (model: BaseModel, count: number, seed = 3): Int32Array =>
  createRng(seed).integers(count, model.vocabSize);

/** Logits as numbers; inputs and result are disposed. */
export async function logitsOf(
  model: BaseModel,
  tokens: Tensor,
  options: ForwardOptions = {},
): Promise<Float32Array> {
  const result = model.forward(tokens, options);
  const values = (await result.logits.data()) as Float32Array;
  const { cache: _cache, attachments: _attachments, overrides: _overrides, ...inputs } = options;
  dispose([tokens, inputs, result]);
  return values;
}

function checkFfn(ffn: BaseFfn, inSize: number, outSize: number): void {
  if (ffn.kind === 'mixture') {
    expect([ffn.numExperts >= 1, ffn.width >= 1]).toEqual([true, true]);
    return;
  }
  const width = ffn.up.weight.shape[0]!;
  const inner = ffn.kind === 'gated' ? [ffn.gate, ffn.up] : [ffn.up];
  for (const { weight, bias } of inner) {
    expect(weight.shape).toEqual([width, inSize]);
    if (bias !== null) expect(bias.shape).toEqual([width]);
  }
  expect(ffn.down.weight.shape).toEqual([outSize, width]);
  if (ffn.down.bias !== null) expect(ffn.down.bias.shape).toEqual([outSize]);
}

export async function checkContract(model: BaseModel): Promise<void> {
  expect(model.contract).toBe('base-model/1');
  const names = model.sites.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  expect(model.sites.filter(({ kind }) => kind === 'head')).toHaveLength(1);
  for (const { name, kind, layer, inSize, outSize } of model.sites) {
    if (kind === 'linear') expect(model.parameters.get(`${name}.weight`)?.shape).toEqual([outSize, inSize]);
    if (kind === 'head') expect([layer, inSize, outSize]).toEqual([null, model.hiddenSize, model.vocabSize]);
    if (kind !== 'ffn') continue;
    checkFfn(model.ffnAt(name), inSize, outSize);
  }
  expect(() => model.ffnAt('nowhere')).toThrow(NoSuchComponentError);
  const [flat, floats] = [zeros([4], 'int32'), zeros([1, 4])];
  for (const bad of [flat, floats]) expect(() => model.forward(bad)).toThrow(ShapeMismatchError);
  const good = zeros([1, 4], 'int32');
  expect(() => model.forward(good, { positions: flat })).toThrow(ShapeMismatchError);
  expect(() => model.forward(good, { documentIds: floats })).toThrow(ShapeMismatchError);
  dispose([flat, floats, good]);
}

export async function checkCausality(model: BaseModel): Promise<void> {
  const time = 64;
  const tokens = someTokens(model, time);
  const before = await logitsOf(model, ids(tokens, [1, time]));
  for (const length of LENGTHS) {
    const changed = tokens.map((id, t) => (t < length ? id : (id + 1 + t) % model.vocabSize));
    const after = await logitsOf(model, ids(changed, [1, time]));
    const kept = length * model.vocabSize;
    expect([length, maxDifference(after.subarray(0, kept), before.subarray(0, kept))]).toEqual([length, 0]);
    expect(maxDifference(after.subarray(kept), before.subarray(kept))).toBeGreaterThan(1e-3);
  }
}

export async function checkBatchInvariance(model: BaseModel): Promise<void> {
  const [a, b] = [[...someTokens(model, 7, 1)], [...someTokens(model, 12, 2)]];
  const v = model.vocabSize;
  const alone = async (row: number[]): Promise<Float32Array> => logitsOf(model, ids(row, [1, row.length]));
  const [wantedA, wantedB] = [await alone(a), await alone(b)];
  const pad = new Array(5).fill(0) as number[];
  const count = (row: number[]): number[] => row.map((_, t) => t);
  const same = (row: number[], id: number): number[] => row.map(() => id);
  const expectRows = (all: Float32Array, firstOfA: number, firstOfB: number): void => {
    const cut = (first: number, rows: number): Float32Array => all.subarray(first * v, (first + rows) * v);
    expect(maxDifference(cut(firstOfA, 7), wantedA)).toBeLessThan(TOLERANCE);
    expect(maxDifference(cut(firstOfB, 12), wantedB)).toBeLessThan(TOLERANCE);
  };

  const shape = [2, 12];
  const right = { documentIds: ids([...same(a, 0), ...same(pad, -1), ...same(b, 0)], shape) };
  expectRows(await logitsOf(model, ids([...a, ...pad, ...b], shape), right), 0, 12);
  const left = {
    documentIds: ids([...same(pad, -1), ...same(a, 0), ...same(b, 0)], shape),
    positions: ids([...pad, ...count(a), ...count(b)], shape),
  };
  expectRows(await logitsOf(model, ids([...pad, ...a, ...b], shape), left), 5, 12);
  const packed = {
    documentIds: ids([...same(a, 4), ...same(b, 9)], [1, 19]),
    positions: ids([...count(a), ...count(b)], [1, 19]),
  };
  expectRows(await logitsOf(model, ids([...a, ...b], [1, 19]), packed), 0, 7);
}

export async function checkCache(model: BaseModel): Promise<void> {
  const [batch, time, v] = [2, 13, model.vocabSize];
  const tokens = someTokens(model, batch * time);
  const whole = await logitsOf(model, ids(tokens, [batch, time]));
  const part = (from: number, to: number): Tensor =>
    ids(
      [0, 1].flatMap((row) => [...tokens.subarray(row * time + from, row * time + to)]),
      [batch, to - from],
    );
  const cache = model.createCache(batch);
  for (const [from, to] of [
    [0, 5],
    [5, 6],
    [6, 7],
    [7, 12],
    [12, 13],
  ] as const) {
    const logits = await logitsOf(model, part(from, to), { cache });
    expect(cache.length).toBe(to);
    for (const row of [0, 1]) {
      const wanted = whole.subarray((row * time + from) * v, (row * time + to) * v);
      const given = logits.subarray(row * (to - from) * v, (row + 1) * (to - from) * v);
      expect(maxDifference(given, wanted)).toBeLessThan(TOLERANCE);
    }
  }
  const wrong = zeros([batch + 1, 1], 'int32');
  expect(() => model.forward(wrong, { cache })).toThrow(ShapeMismatchError);
  wrong.dispose();
  // a pass that fails leaves the cache as it was
  const [one, failing] = [zeros([batch, 1], 'int32'), new Map([['nowhere', zeros([1])]])];
  expect(() => model.forward(one, { cache, overrides: failing })).toThrow(NoMatchingParameterError);
  expect(cache.length).toBe(time);
  dispose([one, failing]);
  cache.dispose();
  const last = await logitsOf(model, ids(tokens, [batch, time]), { logits: 'last' });
  expect(last).toHaveLength(batch * v);
  expect(maxDifference(last.subarray(v), whole.subarray(whole.length - v))).toBeLessThan(TOLERANCE);
}

export async function checkHiddenStates(model: BaseModel): Promise<void> {
  const tokens = ids(someTokens(model, 6), [2, 3]);
  const result = model.forward(tokens, { collectHiddenStates: true });
  expect(result.hiddenStates).toHaveLength(model.numLayers + 1);
  for (const hidden of result.hiddenStates) expect(hidden.shape).toEqual([2, 3, model.hiddenSize]);
  const plain = model.forward(tokens);
  expect(plain.hiddenStates).toEqual([]);
  expect(plain.statistics.size).toBe(0);
  dispose([tokens, result, plain]);
}

export async function checkOverrides(model: BaseModel): Promise<void> {
  const tokens = (): Tensor => ids(someTokens(model, 6), [1, 6]);
  const before = await logitsOf(model, tokens());
  for (const [name, own] of model.parameters) {
    const other = randomNormal(createRng(8), own.shape, 1);
    const changed = await logitsOf(model, tokens(), { overrides: new Map([[name, other]]) });
    expect([name, maxDifference(changed, before) > 0]).toEqual([name, true]);
    other.dispose();
  }
  expect(maxDifference(await logitsOf(model, tokens(), { overrides: model.parameters }), before)).toBe(0);
  const [name, own] = [...model.parameters][0]!;
  const [input, wrong] = [tokens(), zeros([...own.shape, 1])];
  const forward = (overrides: Map<string, Tensor>) => (): ForwardResult =>
    model.forward(input, { overrides });
  expect(forward(new Map([['nowhere.weight', own]]))).toThrow(NoMatchingParameterError);
  expect(forward(new Map([[name, wrong]]))).toThrow(ShapeMismatchError);
  dispose([input, wrong]);
}

export async function checkGradients(model: BaseModel): Promise<void> {
  const weights = new Map([...model.parameters].map(([name, own]) => [name, variable(own)]));
  // a bias on keys moves all scores of a query alike, so its gradient is rounding noise
  const keys = model.sites.filter((site) => site.kind === 'linear' && site.role === 'attention-key');
  const keyBiases = new Set(keys.map(({ name }) => `${name}.bias`));
  const [tokens, documentIds] = [ids(someTokens(model, 8), [2, 4]), zeros([2, 4], 'int32')];
  const positions = ids([0, 1, 2, 3, 0, 1, 2, 3], [2, 4]);
  const direction = randomNormal(createRng(4), [2, 4, model.vocabSize], 1);
  const options = { overrides: weights, training: true, documentIds, positions };
  const { value, gradients } = valueAndGrads(
    () => sum(mul(model.forward(tokens, options).logits, direction)),
    weights,
  );
  expect([...gradients.keys()].sort()).toEqual([...model.parameters.keys()].sort());
  for (const [name, gradient] of gradients) {
    const values = [...(await gradient.data())];
    expect([name, gradient.shape]).toEqual([name, model.parameters.get(name)!.shape]);
    expect([name, values.every(Number.isFinite)]).toEqual([name, true]);
    if (!keyBiases.has(name)) expect([name, values.some((x) => x !== 0)]).toEqual([name, true]);
  }
  dispose([weights, tokens, documentIds, positions, direction, value, gradients]);
}

/** Tensors alive after each block: without a cache only the stream of each block may stay. */
export async function checkPeakMemory(model: BaseModel): Promise<void> {
  const alive: number[] = [];
  const names = model.sites.filter(({ kind }) => kind === 'block').map(({ name }) => name);
  const count = (stream: Tensor): Tensor => {
    alive.push(memory().numTensors);
    return stream;
  };
  const block = new Map(names.map((name) => [name, count]));
  const attachments = { ffn: new Map(), linear: new Map(), block, head: null };
  await logitsOf(model, ids(someTokens(model, 4), [1, 4]), { attachments });
  for (const [i, now] of alive.entries()) if (i > 0) expect(now - alive[i - 1]!).toBeLessThanOrEqual(2);
}

export async function checkLeaks(model: BaseModel): Promise<void> {
  const leaked = await leakedTensors(async () => {
    for (const time of [1, 5]) await logitsOf(model, ids(someTokens(model, time), [1, time]));
    const cache = model.createCache(1);
    for (const time of [4, 1, 1]) await logitsOf(model, ids(someTokens(model, time), [1, time]), { cache });
    cache.dispose();
    const [tokens, kept] = [ids([1, 2], [1, 2]), model.createCache(1)];
    const all = { collectHiddenStates: true, collectStatistics: true, logits: 'last', cache: kept } as const;
    dispose([tokens, model.forward(tokens, all)]);
    kept.dispose();
    const bad = zeros([1, 2]);
    expect(() => model.forward(bad)).toThrow();
    bad.dispose();
  });
  expect(leaked).toBe(0);
}
