import type { Tensor } from '@moect/core';
import * as ops from '@moect/tensor';
import { type BackendName, leakedTensors, selectBackend } from '@moect/tensor/testing';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import type { MoectWebgpuBackend } from '../backend.ts';
import { noAdapter, skipNote } from '../test-support.ts';

interface Case {
  readonly name: string;
  /** Shapes of the float inputs; each case tests the gradients of all of them. */
  readonly shapes: readonly (readonly number[])[];
  readonly run: (inputs: Tensor[]) => Tensor;
}

const int = (values: ArrayLike<number>, shape: readonly number[]): Tensor =>
  ops.tensor(Int32Array.from(values), shape, 'int32');
const seeded = (count: number, limit: number, seed = 5): Int32Array =>
  ops.createRng(seed).integers(count, limit);

/** Documents in runs, with padding at the end. */
const documents = (batch: number, time: number): Tensor =>
  int(
    Array.from({ length: batch * time }, (_, i) =>
      i % time >= time - 1 && time > 2 ? -1 : Math.floor((i % time) / 3),
    ),
    [batch, time],
  );

/** Sequences of 1,100 tokens: one document, and documents that begin at some of the borders of 32 and 512. */
const longDocuments = (): Tensor => {
  const starts = [31, 32, 33, 480, 512, 700];
  const second = Array.from({ length: 1100 }, (_, t) => starts.filter((start) => start <= t).length);
  return int([...new Int32Array(1100), ...second], [2, 1100]);
};

const attention = (
  batch: number,
  time: number,
  heads: number,
  keyHeads: number,
  d: number,
  keys = time,
  window = 0,
  softcap = 0,
): Case => ({
  name: `causalAttention [${batch}, ${time}, ${heads}/${keyHeads}, ${d}], ${keys} keys, window ${window}, cap ${softcap}`,
  shapes: [
    [batch, time, heads, d],
    [batch, keys, keyHeads, d],
    [batch, keys, keyHeads, d],
  ],
  run: ([q, k, v]) => {
    const keyDocumentIds =
      keys === time ? documents(batch, keys) : int(new Int32Array(batch * keys), [batch, keys]);
    const queryDocumentIds =
      keys === time ? documents(batch, time) : int(new Int32Array(batch * time), [batch, time]);
    return ops.causalAttention(q!, k!, v!, {
      ...{ scale: 0.4, window, softcap },
      queryDocumentIds,
      keyDocumentIds,
    });
  },
});

const product = (
  m: number,
  n: number,
  k: number,
  transposeA: boolean,
  transposeB: boolean,
  batch: number[] = [],
): Case => ({
  name: `matMul ${m} × ${k} × ${n}${transposeA ? ' aᵀ' : ''}${transposeB ? ' bᵀ' : ''} [${batch}]`,
  shapes: [
    [...batch, ...(transposeA ? [k, m] : [m, k])],
    [...batch, ...(transposeB ? [n, k] : [k, n])],
  ],
  run: ([a, b]) => ops.matMul(a!, b!, { transposeA, transposeB }),
});

const rows = (r: number, d: number): Case[] => [
  { name: `rmsNorm [${r}, ${d}]`, shapes: [[r, d], [d]], run: ([x, w]) => ops.rmsNorm(x!, w!, 1e-5) },
  {
    name: `layerNorm [${r}, ${d}]`,
    shapes: [[r, d], [d], [d]],
    run: ([x, w, b]) => ops.layerNorm(x!, w!, b!, 1e-5),
  },
  {
    name: `swiglu [${r}, ${d}]`,
    shapes: [
      [r, d],
      [r, d],
    ],
    run: ([g, u]) => ops.swiglu(g!, u!),
  },
  { name: `gelu [${r}, ${d}]`, shapes: [[r, d]], run: ([x]) => ops.gelu(x!) },
  { name: `gelu tanh [${r}, ${d}]`, shapes: [[r, d]], run: ([x]) => ops.gelu(x!, 'tanh') },
  {
    name: `crossEntropy [${r}, ${d + 1}]`,
    shapes: [[r, d + 1]],
    run: ([x]) =>
      ops.crossEntropy(
        x!,
        int(
          Array.from(seeded(r, d + 2), (id) => id - 1),
          [r],
        ),
      ),
  },
  {
    name: `embedding [${r}, ${d}]`,
    shapes: [[r, d]],
    run: ([t]) => ops.embedding(t!, int(seeded(3 * d, r), [3, d])),
  },
  {
    name: `causalMean [2, ${r}, ${d}]`,
    shapes: [[2, r, d]],
    run: ([x]) => ops.causalMean(x!, documents(2, r)),
  },
];

const gate = (r: number, d: number): Case[] => [
  { name: `rmsNorm [${r}, ${d}], frozen weight`, shapes: [[r, d]], run: ([x]) => ops.rmsNormalize(x!, 1e-5) },
  {
    name: `rmsNormalizeSum [${r}, ${d}]`,
    shapes: [
      [r, d],
      [r, d],
    ],
    run: ([a, b]) => ops.rmsNormalizeSum(a!, b!, 1e-5),
  },
  {
    name: `gatedBlend [${r}, ${d}]`,
    shapes: [
      [r, d],
      [r, d],
      [r, d],
      [r, 1],
    ],
    run: ([residual, base, moe, weight]) => ops.gatedBlend(residual!, base!, moe!, weight!),
  },
  {
    name: `gateWeight [${r}, ${d}]`,
    shapes: [[r, d], [r, d], [d], [d], [1, d], [1]],
    run: ([left, right, leftBias, rightBias, weight, bias]) => {
      const params = { leftBias: leftBias!, rightBias: rightBias!, weight: weight!, bias: bias! };
      const { logit, probability } = ops.gateWeight(left!, right!, params);
      return ops.concat([logit, probability], 1);
    },
  },
  {
    name: `gatePrior [${r}, ${d}]`,
    shapes: [[r, d]],
    run: ([x]) => {
      const documentIds = int(
        Array.from(seeded(r * d, 5), (id) => id - 1),
        [r, d],
      );
      const classes = int(seeded(r * d, 3), [r, d]);
      const { positive, negative } = ops.gatePrior(x!, classes, documentIds, {
        positive: 1,
        positiveScale: 0.3,
        negative: 2,
        negativeScale: 0.7,
      });
      return ops.stack([positive, negative]);
    },
  },
];

const routerLosses = (r: number, n: number): Case[] => {
  const mask = (): Tensor => ops.tensor([1, ...Float32Array.from(seeded(r - 1, 2))], [r]);
  return [
    {
      name: `loadBalance [${r}, ${n}]`,
      shapes: [[r, n]],
      run: ([x]) => ops.loadBalance(x!, ops.tensor([1, ...Float32Array.from(seeded(n - 1, 9))], [n]), mask()),
    },
    {
      name: `squaredLogSumExp [${r}, ${n}]`,
      shapes: [[r, n]],
      run: ([x]) => ops.squaredLogSumExp(x!, mask()),
    },
  ];
};

const choice = (r: number, n: number, k: number, renormalize: boolean): Case => ({
  name: `chooseExperts ${k} of ${n}, ${r} tokens, renormalize ${renormalize}`,
  shapes: [[r, n]],
  run: ([x]) => ops.chooseExperts(x!, k, renormalize).weights,
});

const experts = (
  tokens: number,
  topK: number,
  numExperts: number,
  inSize: number,
  outSize: number,
): Case => ({
  name: `experts: ${tokens} tokens, ${topK} of ${numExperts}, ${inSize} → ${outSize}`,
  shapes: [
    [tokens, inSize],
    [numExperts, outSize, inSize],
    [tokens, topK],
  ],
  run: ([x, w, weights]) => {
    const order = ops.sortByExpert(int(seeded(tokens * topK, numExperts), [tokens, topK]), numExperts);
    const results = ops.groupedMatMul(ops.slotRows(x!, order), w!, order.offsets);
    return ops.combineRows(results, order.inverse, weights!);
  },
});

const linearLoss = (r: number, vocabSize: number, d: number, softcap = 0): Case => ({
  name: `linearCrossEntropy [${r}, ${d}] × ${vocabSize}, cap ${softcap}`,
  shapes: [
    [r, d],
    [vocabSize, d],
    [r, d % 4 === 0 ? 4 : 3],
    [vocabSize, d % 4 === 0 ? 4 : 3],
  ],
  run: ([x, w, y, v]) => {
    const targets = int(
      Array.from(seeded(r, vocabSize + 1), (id) => id - 1),
      [r],
    );
    const terms = [
      { input: x!, weight: w!, trainable: true },
      { input: y!, weight: v!, trainable: true },
    ];
    return ops.linearCrossEntropy(terms, targets, 0.3, softcap).loss;
  },
});

const listedLoss = (r: number, vocabSize: number, d: number, listed: readonly number[]): Case => ({
  name: `linearCrossEntropy [${r}, ${d}] × ${vocabSize}, ${listed.length} listed`,
  shapes: [
    [r, d],
    [vocabSize, d],
    [r, 4],
    [listed.length, 4],
  ],
  run: ([x, w, y, v]) => {
    const targets = int(
      Array.from(seeded(r, vocabSize + 1), (id) => id - 1),
      [r],
    );
    const terms = [
      { input: x!, weight: w!, trainable: true },
      { input: y!, weight: v!, trainable: true, tokens: int([...listed], [listed.length]) },
    ];
    return ops.linearCrossEntropy(terms, targets, 0.3).loss;
  },
});

const rope = (batch: number, time: number, heads: number, d: number): Case => ({
  name: `rope [${batch}, ${time}, ${heads}, ${d}]`,
  shapes: [[batch, time, heads, d]],
  run: ([x]) => {
    const angles = Array.from({ length: 50 * (d / 2) }, (_, i) => i / 7);
    const tables = [Math.cos, Math.sin].map((f) => ops.tensor(angles.map(f), [50, d / 2]));
    return ops.rope(x!, tables[0]!, tables[1]!, int(seeded(batch * time, 50), [batch, time]));
  },
});

/** Adds vectors to x, splits it and joins the parts in reverse: gradients are sums over rows, and the reverse. */
const parts = (leading: number[], sizes: number[], axis: number): Case => {
  const whole = sizes.reduce((a, b) => a + b, 0);
  const shape = axis === 0 ? [whole, ...leading] : [...leading, whole];
  return {
    name: `add, split and concat [${shape}], ${sizes} of axis ${axis}`,
    shapes: [shape, shape.slice(1), shape.slice(-1)],
    run: ([x, row, last]) =>
      ops.concat(ops.split(ops.add(ops.add(x!, row!), last!), sizes, axis).toReversed(), axis),
  };
};

const transpositions = [false, true].flatMap((a) => [false, true].map((b) => [a, b] as const));
const cases: Case[] = [
  ...transpositions.flatMap(([a, b]) => [
    product(1, 1, 1, a, b),
    product(5, 33, 70, a, b, [2, 3]),
    product(129, 67, 35, a, b),
    product(36, 68, 40, a, b, [2]),
  ]),
  // just enough large tiles for them to be used
  product(450, 300, 9, false, true),
  ...[
    [1, 1],
    [3, 7],
    [9, 130],
  ].flatMap(([r, d]) => rows(r!, d!)),
  ...[
    [1, 1],
    [5, 9],
    [100, 130],
  ].flatMap(([r, d]) => gate(r!, d!)),
  ...routerLosses(1, 1),
  ...routerLosses(150, 5),
  ...[false, true].flatMap((renormalize) => [
    choice(1, 2, 2, renormalize),
    choice(90, 5, 2, renormalize),
    choice(3, 70, 6, renormalize),
  ]),
  // more elements than a lane takes, and than a workgroup processes at once
  {
    name: 'embedding [300, 2], repeated ids',
    shapes: [[300, 2]],
    run: ([t]) => ops.embedding(t!, int(seeded(900, 300), [900])),
  },
  {
    name: 'causalMean [2, 1100, 3]',
    shapes: [[2, 1100, 3]],
    run: ([x]) => ops.causalMean(x!, longDocuments()),
  },
  {
    name: 'sums over the first dimensions [3, 5, 7], [65, 3]',
    shapes: [
      [3, 5, 7],
      [65, 3],
    ],
    run: ([x, y]) =>
      ops.add(ops.sum(x!, [0, 1], true), ops.sum(ops.mul(ops.sum(x!, 0), ops.sum(ops.sum(y!, 0))))),
  },
  parts([3, 5], [1, 4, 2], -1),
  parts([2, 70], [3, 3], 0),
  parts([7], [100, 200], 0),
  rope(1, 1, 1, 2),
  rope(2, 5, 3, 8),
  attention(1, 1, 1, 1, 4),
  attention(2, 5, 4, 2, 3),
  attention(1, 70, 2, 1, 8),
  attention(1, 3, 2, 2, 20, 68, 5),
  attention(2, 66, 2, 1, 4, 66, 7),
  attention(2, 66, 2, 1, 4, 66, 7, 1.1),
  attention(2, 37, 4, 2, 3, 37, 0, 0.6),
  attention(1, 3, 2, 2, 20, 68, 0, 2),
  experts(1, 1, 2, 1, 1),
  experts(7, 2, 5, 3, 4),
  experts(90, 2, 3, 33, 35),
  experts(9, 2, 8, 12, 40),
  experts(70, 2, 3, 36, 20),
  listedLoss(9, 40, 8, [39, 3, 20, 0, 7]),
  linearLoss(1, 2, 1),
  linearLoss(13, 70, 9),
  linearLoss(16, 72, 8),
  linearLoss(13, 70, 9, 2),
  linearLoss(16, 72, 8, 5),
];

/** The value and the gradients of a random projection of it. */
async function evaluate(backend: BackendName, { shapes, run }: Case): Promise<Float32Array[]> {
  await selectBackend(backend);
  const rng = ops.createRng(11);
  const inputs = shapes.map((shape) => ops.randomNormal(rng, shape, 1));
  const named = new Map(inputs.map((input, i) => [String(i), input]));
  const value = ops.tidy(() => run(inputs));
  const weights = ops.randomNormal(rng, value.shape, 1);
  const { value: loss, gradients } = ops.tidy(() =>
    ops.valueAndGrads(() => ops.sum(ops.mul(run(inputs), weights)), named),
  );
  const found = [value, ...shapes.map((_, i) => gradients.get(String(i))!)];
  const values = await Promise.all(found.map(async (x) => (await x.data()) as Float32Array));
  ops.dispose([inputs, weights, loss, found]);
  return values;
}

/** Largest difference, as a share of the largest value or of 1. */
function difference(a: Float32Array, b: Float32Array): number {
  expect(a.length).toBe(b.length);
  const scale = b.reduce((most, x) => Math.max(most, Math.abs(x)), 1);
  return a.reduce((worst, x, i) => Math.max(worst, Math.abs(x - b[i]!)), 0) / scale;
}

/** Runs with the programs of GPUs: software adapters with subgroups use others. */
async function withoutSubgroups(run: () => Promise<void>): Promise<void> {
  await selectBackend('webgpu');
  const backend = tf.backend() as MoectWebgpuBackend & { hasCheapSubgroups: boolean };
  const { hasCheapSubgroups, products } = backend;
  backend.hasCheapSubgroups = false;
  backend.products = { ...products, float32: 'tiles', frozen: 'tiles' };
  try {
    await run();
  } finally {
    Object.assign(backend, { hasCheapSubgroups, products });
  }
}

describe.skipIf(noAdapter)(`WGSL kernels${skipNote}`, () => {
  // tolerance: sums of 130 float32 terms in another order, exponentials right to a few units in the last place
  it.each(cases)('$name: value and gradients are those of plain JavaScript', async (example) => {
    const expected = await evaluate('cpu', example);
    const check = (actual: Float32Array[], title: string): void => {
      const errors = actual.map((values, i) => difference(values, expected[i]!));
      expect(Math.max(...errors), `${title} [value, gradients]: ${errors}`).toBeLessThan(2e-5);
    };
    check(await evaluate('webgpu', example), 'what suits the adapter');
    await withoutSubgroups(async () => check(await evaluate('webgpu', example), 'as on GPUs'));
  });

  it.each([
    [1, 1, 1],
    [7, 2, 5],
    [90, 3, 4],
    [400, 2, 9],
  ])(
    '%i tokens, %i of %i experts: order and choice are those of plain JavaScript',
    async (tokens, k, numExperts) => {
      // many equal scores: ties go to the lower index
      const scores = Array.from(seeded(tokens * numExperts, 3, 8));
      const on = async (backend: BackendName): Promise<number[][]> => {
        await selectBackend(backend);
        const values = ops.tensor(scores, [tokens, numExperts]);
        const chosen = ops.topK(values, k);
        // the plain form needs two experts or more
        const sorted = ops.sortByExpert(chosen.indices, Math.max(2, numExperts));
        const { order, inverse, offsets, tokens: owners } = sorted;
        const { indices, weights } = ops.chooseExperts(values, k, false);
        const mask = ops.tensor(Float32Array.from(seeded(tokens, 2)), [tokens]);
        const counts = ops.countAssignments(indices, numExperts, mask);
        ops.dispose([weights, mask]);
        const found = [chosen.values, chosen.indices, order, inverse, offsets, owners, indices, counts];
        const read = await Promise.all(found.map(async (x: Tensor) => [...(await x.data())]));
        ops.dispose([values, found]);
        return read;
      };
      expect(await on('webgpu')).toEqual(await on('cpu'));
    },
  );

  it('read integers and truth values that were cast to floats', async () => {
    await selectBackend('webgpu');
    const ids = int([3, -1, 0, 7], [4]);
    const [floats, shown] = ops.tidy(() => [
      ops.swiglu(ops.fill([4], 20), ops.cast(ids, 'float32')),
      ops.swiglu(ops.fill([4], 20), ops.cast(ops.greaterEqual(ids, 0), 'float32')),
    ]) as [Tensor, Tensor];
    expect([...(await floats.data())]).toEqual([60, -20, 0, 140]);
    expect([...(await shown.data())]).toEqual([20, 0, 20, 20]);
    ops.dispose([ids, floats, shown]);
  });

  it('leave nothing behind, and give the same bits again', async () => {
    await selectBackend('webgpu');
    const some = cases.filter(({ name }) => !name.startsWith('matMul'));
    const all = async (): Promise<Float32Array[][]> => {
      const values: Float32Array[][] = [];
      for (const example of some) values.push(await evaluate('webgpu', example));
      return values;
    };
    const first = await all();
    let second: Float32Array[][] = [];
    const leaked = await leakedTensors(async () => {
      second = await all();
    });
    expect(second).toEqual(first);
    expect(leaked).toBe(0);
  });
});
