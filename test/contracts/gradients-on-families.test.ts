import type { BaseModel, Extension, Method, Tensor, Variable } from '@moect/core';
import { moeCt } from '@moect/experts';
import { createModel, initParameters } from '@moect/models';
import {
  add,
  assign,
  createRng,
  dispose,
  mul,
  randomNormal,
  tensor,
  tidy,
  valueAndGrads,
} from '@moect/tensor';
import { selectBackend, testBackends } from '@moect/tensor/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FAMILY_BASES, OWN_FAMILIES as families } from '../support/family-bases.ts';
import { tinyData } from '../support/tiny.ts';

/** Half width of the differences; their error is O(STEP²), and the float32 losses add about 1e-6 / STEP. */
const STEP = 5e-3;

interface Problem {
  readonly base: BaseModel;
  readonly extension: Extension;
  readonly inputs: Readonly<Record<'tokens' | 'targets' | 'positions' | 'documentIds' | 'roles', Tensor>>;
}

const objective = ({ base, extension, inputs: { tokens, targets, ...places } }: Problem, more = {}) =>
  base.loss!(tokens, targets, 1, {
    ...places,
    training: true,
    attachments: extension.attachments,
    overrides: extension.overrides,
    ...more,
  });

/** Σ of the losses in float64, so that only the losses themselves round. */
async function lossOf(problem: Problem): Promise<number> {
  const { tokenLosses } = tidy(() => ({ tokenLosses: objective(problem).tokenLosses }));
  const values = (await tokenLosses.data()) as Float32Array;
  tokenLosses.dispose();
  return values.reduce((sum, x) => sum + x, 0);
}

const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Array.from(a).reduce((sum, x, i) => sum + x * b[i]!, 0);

/** Derivative of the loss along `direction` by a central difference; the parameter is as before afterwards. */
async function difference(problem: Problem, parameter: Variable, direction: Tensor): Promise<number> {
  const start = tidy(() => mul(parameter, 1));
  const at = async (offset: number): Promise<number> => {
    const moved = tidy(() => add(start, mul(direction, offset)));
    assign(parameter, moved);
    moved.dispose();
    return lossOf(problem);
  };
  const slope = ((await at(STEP)) - (await at(-STEP))) / (2 * STEP);
  assign(parameter, start);
  start.dispose();
  return slope;
}

describe.each(testBackends())('gradients of MoE-CT on every family, on %s', (backend) => {
  describe.each(Object.entries(FAMILY_BASES))('%s', (_, config) => {
    let problem: Problem;
    beforeAll(async () => {
      await selectBackend(backend);
      const base = createModel(config, initParameters(config, createRng(1), { families }), { families });
      // attention updates too, so that gradients pass through attention and its norms
      const method = moeCt() as Method<never>;
      const extension = method.attach(base, { attentionRank: 2, topK: 2 } as never, createRng(3));
      // away from the start, where many gradients are zero
      for (const [name, parameter] of extension.parameters) {
        const moved = tidy(() => add(parameter, randomNormal(createRng(4).fork(name), parameter.shape, 0.1)));
        assign(parameter, moved);
        moved.dispose();
      }
      const batch = tinyData(2, 9).batch(0);
      const ids = (values: Int32Array): Tensor => tensor(values, [2, 9], 'int32');
      const { tokens, targets, positions, documentIds, roles } = batch;
      const inputs = {
        tokens: ids(tokens),
        targets: ids(targets),
        positions: ids(positions),
        documentIds: ids(documentIds),
        roles: ids(roles),
      };
      problem = { base, extension, inputs };
    });
    afterAll(() => {
      problem.extension.dispose();
      problem.base.dispose();
      dispose(problem.inputs);
    });

    it('are those of finite differences, and recomputation gives the same bits', async () => {
      const { parameters } = problem.extension;
      const run = (recompute: boolean) =>
        valueAndGrads(() => objective(problem, { recompute }).loss, new Map(parameters));
      const [plain, again] = [run(false), run(true)];
      expect([...plain.gradients.keys()].sort()).toEqual([...parameters.keys()].sort());
      for (const [name, parameter] of parameters) {
        const gradient = (await plain.gradients.get(name)!.data()) as Float32Array;
        expect([name, await again.gradients.get(name)!.data()]).toEqual([name, gradient]);
        const size = Math.sqrt(dot(gradient, gradient));
        // along the gradient, where a wrong sign or factor shows most, with a little of every other direction
        const noise = createRng(5).fork(name).normal(gradient.length);
        const length = Math.sqrt(gradient.length);
        const mixed = gradient.map((g, i) => g / Math.max(size, 1e-6) + (0.3 * noise[i]!) / length);
        const direction = tensor(mixed, parameter.shape);
        const [numeric, exact] = [await difference(problem, parameter, direction), dot(gradient, mixed)];
        direction.dispose();
        expect([name, Math.abs(numeric - exact) <= 0.02 * Math.abs(exact) + 3e-3, numeric, exact]).toEqual([
          ...[name, true, numeric, exact],
        ]);
      }
      dispose([plain, again]);
    });
  });
});
