import type { Fusion, FusionInput, FusionResult, ParamTree, Tensor } from '@moect/core';
import {
  add,
  type BackendName,
  concat,
  createRng,
  dispose,
  flattenTree,
  mapTree,
  mul,
  randomNormal,
  reshape,
  slice,
  sum,
  tensor,
  tidy,
  valueAndGrads,
} from '@moect/tensor';
import {
  checkGradients,
  leakedTensors,
  maxDifference,
  selectBackend,
  testBackends,
} from '@moect/tensor/testing';
import { beforeAll, describe, expect, it } from 'vitest';

export interface FusionSuite {
  readonly create: () => Fusion;
  /** False for hard choices, whose gradient differs from that of their value. Default true. */
  readonly differentiable?: boolean;
  /** Default: all backends of this machine. */
  readonly backends?: readonly BackendName[];
}

const HIDDEN = 8;
const TIME = 6;
/** Two rows; the second holds two documents and ends in padding. */
const DOCUMENTS = [0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, -1];
const ROLES = [1, 1, 1, 2, 2, 2, 2, 2, 2, 1, 1, 0];

interface Case {
  readonly fusion: Fusion;
  readonly params: ParamTree;
  readonly input: FusionInput;
  readonly differentiable: boolean;
}

/**
 * Registers vitest tests that every fusion must pass: y = a + p·f + (1−p)·m for its own p, the base's bits where m = f,
 * causality, documents and rows that do not see one another, decoding in parts, losses of micro-batches that add up
 * (law 10), gradients against finite differences, no leaks.
 */
export function testFusion(suite: FusionSuite): void {
  const withCase = async (work: (c: Case) => Promise<void>): Promise<void> => {
    const fusion = suite.create();
    const rng = createRng(13);
    const fresh = fusion.init(rng, { hiddenSize: HIDDEN });
    const params = mapTree(fresh, (leaf) => tidy(() => add(leaf, randomNormal(rng, leaf.shape, 0.5))));
    const input: FusionInput = {
      residual: randomNormal(rng, [2, TIME, HIDDEN], 1),
      base: randomNormal(rng, [2, TIME, HIDDEN], 1),
      moe: randomNormal(rng, [2, TIME, HIDDEN], 1),
      documentIds: tensor(DOCUMENTS, [2, TIME], 'int32'),
      roles: tensor(ROLES, [2, TIME], 'int32'),
      training: false,
    };
    try {
      await work({ fusion, params, input, differentiable: suite.differentiable ?? true });
    } finally {
      dispose([fresh, params, { ...input }]);
    }
  };

  describe.each(suite.backends ?? testBackends())(`fusion ${suite.create().name} on %s`, (backend) => {
    beforeAll(async () => void (await selectBackend(backend)));
    it('is y = a + p·f + (1−p)·m with p from 0 to 1', () => withCase(checkFormula));
    it('is the base, bit for bit, where the branch equals it', () => withCase(checkEqualBranch));
    it('is causal, and keeps documents and rows apart', () => withCase(checkPrefix));
    it('gives in parts what it gives at once', () => withCase(checkState));
    it('has losses that add up over micro-batches (law 10)', () => withCase(checkLosses));
    it('has the gradients of finite differences', () => withCase(checkDifferences));
    it('leaks nothing', () => withCase(checkLeaks));
  });
}

const read = async (x: Tensor): Promise<Float32Array> => Float32Array.from(await x.data());

async function outputOf({ fusion, params }: Case, input: FusionInput): Promise<Float32Array> {
  const result = fusion.fuse(params, input);
  const values = await read(result.output);
  dispose({ ...result });
  return values;
}

async function checkFormula(c: Case): Promise<void> {
  for (const training of [false, true]) {
    const result = c.fusion.fuse(c.params, { ...c.input, training });
    expect(result.output).toMatchObject({ shape: [2, TIME, HIDDEN], dtype: 'float32' });
    expect(result.baseWeight).toMatchObject({ shape: [2, TIME, 1], dtype: 'float32' });
    for (const loss of Object.values(result.auxLosses)) expect(loss.shape).toEqual([]);
    const p = await read(result.baseWeight);
    const [a, f, m] = await Promise.all([c.input.residual, c.input.base, c.input.moe].map(read));
    const expected = a!.map((_, i) => {
      const weight = p[Math.floor(i / HIDDEN)]!;
      expect(weight).toBeGreaterThanOrEqual(0);
      expect(weight).toBeLessThanOrEqual(1);
      return a![i]! + weight * f![i]! + (1 - weight) * m![i]!;
    });
    expect(maxDifference(await read(result.output), expected)).toBeLessThan(2e-6);
    dispose({ ...result });
  }
}

async function checkEqualBranch(c: Case): Promise<void> {
  const base = add(c.input.residual, c.input.base);
  expect(await outputOf(c, { ...c.input, moe: c.input.base })).toEqual(await read(base));
  base.dispose();
}

/** The tokens `from` … `to` of one row, as an input of its own. */
function part(input: FusionInput, row: number, from: number, to: number): FusionInput {
  const cut = (x: Tensor): Tensor =>
    slice(x, [row, from, ...x.shape.slice(2).map(() => 0)], [1, to - from, ...x.shape.slice(2)]);
  return {
    ...input,
    residual: cut(input.residual),
    base: cut(input.base),
    moe: cut(input.moe),
    documentIds: cut(input.documentIds!),
    roles: cut(input.roles!),
  };
}

async function checkPrefix(c: Case): Promise<void> {
  const whole = await outputOf(c, c.input);
  const spans = [
    [0, 0, 6],
    [0, 0, 1],
    [0, 0, 4],
    [1, 0, 3],
    [1, 3, 5],
  ] as const;
  for (const [row, from, to] of spans) {
    const alone = part(c.input, row, from, to);
    const expected = whole.subarray((row * TIME + from) * HIDDEN, (row * TIME + to) * HIDDEN);
    expect(maxDifference(await outputOf(c, alone), expected), `row ${row}, ${from} … ${to}`).toBeLessThan(
      2e-6,
    );
    dispose({ ...alone });
  }
}

async function checkState(c: Case): Promise<void> {
  const whole = await outputOf(c, c.input);
  for (const row of [0, 1]) {
    let state: ParamTree | undefined;
    for (const [from, to] of [
      [0, 2],
      [2, 3],
      [3, 6],
    ] as const) {
      const next = part(c.input, row, from, to);
      const result: FusionResult = c.fusion.fuse(c.params, { ...next, ...(state && { state }) });
      const expected = whole.subarray((row * TIME + from) * HIDDEN, (row * TIME + to) * HIDDEN);
      expect(maxDifference(await read(result.output), expected), `row ${row}, ${from} … ${to}`).toBeLessThan(
        2e-6,
      );
      dispose([{ ...next }, state, result.output, result.baseWeight, { ...result.auxLosses }]);
      state = result.state;
    }
    dispose(state);
  }
}

async function checkLosses(c: Case): Promise<void> {
  const normalizers = { tokens: 11, oldTokens: 5, newTokens: 6 };
  const lossesOf = async (input: FusionInput): Promise<Record<string, number>> => {
    const result = c.fusion.fuse(c.params, { ...input, training: true, normalizers });
    const named = await Promise.all(
      Object.entries(result.auxLosses).map(async ([name, loss]) => [name, (await read(loss))[0]!] as const),
    );
    dispose({ ...result });
    return Object.fromEntries(named);
  };
  const whole = await lossesOf(c.input);
  const rows = [part(c.input, 0, 0, TIME), part(c.input, 1, 0, TIME)];
  const [first, second] = [await lossesOf(rows[0]!), await lossesOf(rows[1]!)];
  for (const [name, loss] of Object.entries(whole)) {
    expect(loss, name).toBeGreaterThan(0);
    expect(first[name]! + second[name]!, name).toBeCloseTo(loss, 5);
  }
  dispose(rows.map((row) => ({ ...row })));
}

async function checkDifferences(c: Case): Promise<void> {
  const named = [...flattenTree(c.params)];
  const inputs = [c.input.residual, c.input.base, c.input.moe, ...named.map(([, leaf]) => leaf)];
  const values = await Promise.all(inputs.map(async (x) => ({ data: await read(x), shape: x.shape })));
  const run = ([residual, base, moe, ...leaves]: Tensor[]): Tensor => {
    const replaced = mapTree(c.params, (_, path) => leaves[named.findIndex(([name]) => name === path)]!);
    const input = { ...c.input, residual: residual!, base: base!, moe: moe!, training: true };
    const { output, auxLosses } = c.fusion.fuse(replaced, input);
    // losses are joined to the output, so that both are checked
    return concat([output, ...Object.values(auxLosses)].map((x) => reshape(x, [-1])));
  };
  if (c.differentiable) {
    const { error, where } = await checkGradients(run, values, 0.005);
    expect(error, where).toBeLessThan(2e-3);
  }
  if (named.length === 0) return;
  const { value, gradients } = valueAndGrads(
    () => sum(c.fusion.fuse(c.params, { ...c.input, training: true }).output),
    new Map(named),
  );
  expect([...gradients.keys()].sort()).toEqual(named.map(([name]) => name).sort());
  dispose([value, [...gradients.values()]]);
}

async function checkLeaks(c: Case): Promise<void> {
  const named = flattenTree(c.params);
  const once = (): void => {
    dispose({ ...c.fusion.fuse(c.params, c.input) });
    if (named.size === 0) return;
    const { value, gradients } = valueAndGrads(
      () => mul(sum(c.fusion.fuse(c.params, { ...c.input, training: true }).output), 2),
      named,
    );
    dispose([value, [...gradients.values()]]);
  };
  once();
  expect(await leakedTensors(once)).toBe(0);
}
