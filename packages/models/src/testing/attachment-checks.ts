import {
  type Attachments,
  type BaseModel,
  type FfnOutput,
  NoSuchComponentError,
  type ParamTree,
  type Site,
  type SiteContext,
  type Tensor,
} from '@moect/core';
import { add, clone, dispose, fill, mul, sum, zeros } from '@moect/tensor';
import { leakedTensors, maxDifference } from '@moect/tensor/testing';
import { expect } from 'vitest';
import { ids, logitsOf, someTokens } from './model-checks.ts';

const NONE: Attachments = { ffn: new Map(), linear: new Map(), block: new Map(), head: null };

const sitesOf = (model: BaseModel, kind: Site['kind']): Site[] =>
  model.sites.filter((site) => site.kind === kind);

interface Call {
  readonly site: string;
  readonly context: SiteContext;
  readonly shapes: number[][];
}

/** Attachments to every site that record each call and change nothing. FFN sites: p = 0.1 · (layer + 1). */
function spies(model: BaseModel, calls: Call[]): Attachments {
  const note = (site: string, context: SiteContext, tensors: Tensor[]): void => {
    calls.push({ site, context, shapes: tensors.map(({ shape }) => [...shape]) });
  };
  return {
    ffn: new Map(
      sitesOf(model, 'ffn').map(({ name, layer }) => [
        name,
        (input, context): FfnOutput => {
          note(name, context, [input.residual, input.normed, input.base]);
          const [batch, time] = input.base.shape as [number, number];
          const baseWeight = fill([batch, time, 1], 0.1 * (layer! + 1));
          return { output: add(input.residual, input.base), baseWeight };
        },
      ]),
    ),
    linear: new Map(
      sitesOf(model, 'linear').map(({ name }) => [
        name,
        (input, output, context): Tensor => {
          note(name, context, [input, output]);
          return output;
        },
      ]),
    ),
    block: new Map(
      sitesOf(model, 'block').map(({ name }) => [
        name,
        (stream, context): Tensor => {
          note(name, context, [stream]);
          return stream;
        },
      ]),
    ),
    head(hidden, logits, context) {
      note(sitesOf(model, 'head')[0]!.name, context, [hidden, logits]);
      return logits;
    },
  };
}

export async function checkAttachmentContexts(model: BaseModel): Promise<void> {
  const calls: Call[] = [];
  const [batch, time] = [2, 3];
  const inputs = {
    documentIds: ids([0, 0, 0, 0, 0, -1], [batch, time]),
    roles: ids([1, 1, 1, 2, 2, 0], [batch, time]),
    languageIds: ids([0, 0, 0, 1, 1, -1], [batch, time]),
    normalizers: { tokens: 5, oldTokens: 3, newTokens: 2 },
  };
  const attachments = spies(model, calls);
  const options = { ...inputs, attachments, training: true, logits: 'last' } as const;
  await logitsOf(model, ids(someTokens(model, 6), [batch, time]), options);
  expect(calls.map(({ site }) => site)).toEqual(model.sites.map(({ name }) => name));
  let isBelowFirst = true;
  for (const [i, { kind, inSize, outSize }] of model.sites.entries()) {
    const { context, shapes } = calls[i]!;
    const positions = kind === 'head' ? 1 : time;
    const sizes =
      kind === 'ffn' ? [inSize, inSize, outSize] : kind === 'block' ? [outSize] : [inSize, outSize];
    expect(shapes).toEqual(sizes.map((size) => [batch, positions, size]));
    expect([context.training, context.state, context.normalizers]).toEqual([
      true,
      undefined,
      inputs.normalizers,
    ]);
    for (const own of [context.documentIds, context.roles, context.languageIds]) {
      expect(own?.shape).toEqual([batch, positions]);
    }
    expect(context.baseWeight === null).toBe(isBelowFirst);
    if (context.baseWeight !== null) expect(context.baseWeight.shape).toEqual([batch, positions, 1]);
    if (kind === 'ffn') isBelowFirst = false;
  }
}

/** Checks p of the nearest FFN site below, as the head sees it. */
async function checkNearestWeight(model: BaseModel): Promise<void> {
  const spied = spies(model, []);
  const seen: Promise<ArrayLike<number>>[] = [];
  const head = (_hidden: Tensor, logits: Tensor, context: SiteContext): Tensor => {
    seen.push(context.baseWeight!.data());
    return logits;
  };
  await logitsOf(model, ids([1, 2], [1, 2]), { attachments: { ...spied, head } });
  expect((await seen[0]!)[0]).toBeCloseTo(0.1 * model.numLayers, 6);
}

export async function checkIdentityAttachments(model: BaseModel): Promise<void> {
  const tokens = (): Tensor => ids(someTokens(model, 8), [2, 4]);
  const before = await logitsOf(model, tokens());
  expect(maxDifference(await logitsOf(model, tokens(), { attachments: NONE }), before)).toBe(0);
  const attachments = spies(model, []);
  expect(maxDifference(await logitsOf(model, tokens(), { attachments }), before)).toBe(0);
  await checkNearestWeight(model);
  for (const { name, kind } of model.sites) {
    // neither a shift nor a factor, because a norm behind it removes both
    const bent = (x: Tensor): Tensor => add(x, mul(x, x));
    const changed: Attachments = {
      ffn: kind === 'ffn' ? new Map([[name, ({ residual }) => ({ output: residual })]]) : new Map(),
      linear: kind === 'linear' ? new Map([[name, (_input, output) => bent(output)]]) : new Map(),
      block: kind === 'block' ? new Map([[name, bent]]) : new Map(),
      head: kind === 'head' ? (_hidden, logits) => bent(logits) : null,
    };
    const after = await logitsOf(model, tokens(), { attachments: changed });
    expect([name, maxDifference(after, before) > 1e-6]).toEqual([name, true]);
  }
}

export async function checkAuxiliaryResults(model: BaseModel): Promise<void> {
  const seen: (number | undefined)[] = [];
  const sites = sitesOf(model, 'ffn');
  /** Counts the calls of a site in its state. */
  const counting = ({
    name,
  }: Site): [string, (input: { residual: Tensor }, context: SiteContext) => FfnOutput] => [
    name,
    ({ residual }, { state }) => {
      const calls = state?.['calls'] as Tensor | undefined;
      // the state has handles of its own: the caller disposed the same tensor among the statistics
      if (state !== undefined) expect((state['inner'] as ParamTree)['same']!.isDisposed).toBe(false);
      seen.push(calls?.size);
      const [batch, time] = residual.shape as [number, number];
      const baseWeight = zeros([batch, time, 1]);
      return {
        output: residual,
        baseWeight,
        auxLosses: { balance: sum(fill([2], 1)), [`only.${name}`]: fill([], 3) },
        statistics: { tokensPerExpert: fill([2], 4) },
        state: { calls: zeros([(calls?.size ?? 0) + 1]), inner: { same: baseWeight } },
      };
    },
  ];
  const attachments: Attachments = { ...NONE, ffn: new Map(sites.map(counting)) };
  const leaked = await leakedTensors(async () => {
    const tokens = ids([1, 2], [1, 2]);
    const cache = model.createCache(1);
    for (const round of [0, 1, 2]) {
      const result = model.forward(tokens, { attachments, cache, collectStatistics: round === 1 });
      expect((await result.auxLosses['balance']!.data())[0]).toBe(2 * sites.length);
      expect((await result.auxLosses[`only.${sites[0]!.name}`]!.data())[0]).toBe(3);
      expect([...result.statistics.keys()]).toEqual(round === 1 ? sites.map(({ name }) => name) : []);
      const first = result.statistics.get(sites[0]!.name);
      if (round === 1)
        expect([first?.baseWeight?.shape, first?.tokensPerExpert?.shape]).toEqual([[1, 2, 1], [2]]);
      dispose(result);
    }
    expect(seen).toEqual([undefined, 1, 2].flatMap((size) => sites.map(() => size)));
    cache.dispose();
    // without a cache no state is kept
    seen.length = 0;
    for (const _ of [0, 1]) dispose(model.forward(tokens, { attachments }));
    expect(seen.every((size) => size === undefined)).toBe(true);
    tokens.dispose();
  });
  expect(leaked).toBe(0);
}

export async function checkUnknownSites(model: BaseModel): Promise<void> {
  const tokens = ids([1], [1, 1]);
  const { name } = sitesOf(model, 'ffn')[0]!;
  const same = (x: Tensor): Tensor => clone(x);
  const wrong: Attachments[] = [
    { ...NONE, ffn: new Map([['nowhere', ({ residual }) => ({ output: residual })]]) },
    { ...NONE, linear: new Map([[name, (_input, output) => same(output)]]) },
    { ...NONE, block: new Map([[name, same]]) },
  ];
  for (const attachments of wrong) {
    expect(() => model.forward(tokens, { attachments })).toThrow(NoSuchComponentError);
  }
  tokens.dispose();
}
