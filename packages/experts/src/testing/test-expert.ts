import type { Expert, ParamTree, Tensor } from '@moect/core';
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
import { type FfnShape, randomFfn } from './random-ffn.ts';

export interface ExpertSuite {
  readonly create: () => Expert;
  /** Base FFN that the experts start from. Default: gated, silu, without biases. */
  readonly ffn?: FfnShape;
  /** Default: all backends of this machine. */
  readonly backends?: readonly BackendName[];
}

const HIDDEN = 6;
const INNER = 8;
const EXPERTS = 3;
/** Expert 1 gets no row. */
const OFFSETS = [0, 4, 4, 7];

interface Case {
  readonly expert: Expert;
  readonly params: ParamTree;
  readonly rows: Tensor;
  readonly offsets: Tensor;
}

/**
 * Registers vitest tests that every expert must pass: stacked parameters, rows that depend on their own expert and
 * nothing else, gradients against finite differences, no leaks.
 */
export function testExpert(suite: ExpertSuite): void {
  const withCase = async (work: (c: Case) => Promise<void>): Promise<void> => {
    const expert = suite.create();
    const rng = createRng(3);
    const baseFfn = randomFfn(rng, [HIDDEN, INNER], suite.ffn);
    const fresh = expert.init(rng, { hiddenSize: HIDDEN, numExperts: EXPERTS }, baseFfn);
    const params = mapTree(fresh, (leaf) => tidy(() => add(leaf, randomNormal(rng, leaf.shape, 0.3))));
    const rows = randomNormal(rng, [7, HIDDEN], 1);
    const offsets = tensor(OFFSETS, [EXPERTS + 1], 'int32');
    try {
      await work({ expert, params, rows, offsets });
    } finally {
      dispose([baseFfn, fresh, params, rows, offsets]);
    }
  };

  describe.each(suite.backends ?? testBackends())(`expert ${suite.create().name} on %s`, (backend) => {
    beforeAll(async () => void (await selectBackend(backend)));
    it('stacks its parameters by expert and keeps the width', () => withCase(checkShapes));
    it('gives each row its own expert’s result, whatever the others are', () => withCase(checkRows));
    it('has the gradients of finite differences', () => withCase(checkDifferences));
    it('gives an expert without rows no gradient', () => withCase(checkIdleExpert));
    it('leaks nothing', () => withCase(checkLeaks));
  });
}

async function checkShapes({ expert, params, rows, offsets }: Case): Promise<void> {
  expect(expert.contract).toBe('expert/1');
  for (const [name, leaf] of flattenTree(params)) expect(leaf.shape[0], name).toBe(EXPERTS);
  const result = expert.apply(params, rows, offsets);
  expect(result).toMatchObject({ shape: [7, HIDDEN], dtype: 'float32' });
  expect((await result.data()).every(Number.isFinite)).toBe(true);
  result.dispose();
}

async function checkRows({ expert, params, rows, offsets }: Case): Promise<void> {
  const together = expert.apply(params, rows, offsets);
  const expected = Float32Array.from(await together.data());
  for (let e = 0; e < EXPERTS; e++) {
    for (let row = OFFSETS[e]!; row < OFFSETS[e + 1]!; row++) {
      const one = slice(rows, [row, 0], [1, HIDDEN]);
      const alone = tensor(
        Array.from({ length: EXPERTS + 1 }, (_, i) => (i > e ? 1 : 0)),
        [EXPERTS + 1],
        'int32',
      );
      const result = expert.apply(params, one, alone);
      const values = await result.data();
      expect(maxDifference(values, expected.subarray(row * HIDDEN, (row + 1) * HIDDEN))).toBeLessThan(1e-5);
      dispose([one, alone, result]);
    }
  }
  together.dispose();
}

async function checkDifferences({ expert, params, rows, offsets }: Case): Promise<void> {
  const named = [...flattenTree(params)];
  const inputs = [rows, ...named.map(([, leaf]) => leaf)];
  const values = await Promise.all(
    inputs.map(async (x) => ({ data: Float32Array.from(await x.data()), shape: x.shape })),
  );
  const run = ([given, ...leaves]: Tensor[]): Tensor => {
    const replaced = mapTree(params, (_, path) => leaves[named.findIndex(([name]) => name === path)]!);
    return expert.apply(replaced, given!, offsets);
  };
  const { error, where } = await checkGradients(run, values);
  expect(error, where).toBeLessThan(2e-3);
}

async function checkIdleExpert({ expert, params, rows, offsets }: Case): Promise<void> {
  const named = flattenTree(params);
  const { value, gradients } = valueAndGrads(() => sum(expert.apply(params, rows, offsets)), named);
  expect([...gradients.keys()].sort()).toEqual([...named.keys()].sort());
  for (const [name, gradient] of gradients) {
    const values = Float32Array.from(await gradient.data());
    const each = values.length / EXPERTS;
    expect(
      values.subarray(each, 2 * each).every((x) => x === 0),
      name,
    ).toBe(true);
    expect(
      values.subarray(0, each).some((x) => x !== 0),
      name,
    ).toBe(true);
  }
  dispose([value, [...gradients.values()]]);
}

async function checkLeaks({ expert, params, rows, offsets }: Case): Promise<void> {
  const named = flattenTree(params);
  const once = (): void => {
    expert.apply(params, rows, offsets).dispose();
    const { value, gradients } = valueAndGrads(
      () => sum(mul(expert.apply(params, concat([rows]), offsets), 2)),
      named,
    );
    dispose([value, [...gradients.values()]]);
  };
  once();
  expect(await leakedTensors(once)).toBe(0);
}
