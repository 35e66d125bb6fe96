import type { Tensor } from '@moect/core';
import * as ops from '@moect/tensor';
import { leakedTensors, selectBackend } from '@moect/tensor/testing';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { limitsOf } from './device-limits.ts';
import { activeWebgpu, difference, noAdapter, skipNote, withFloats } from './test-support.ts';

interface Case {
  readonly name: string;
  /** Shapes of the float inputs; each case tests the gradients of all of them. */
  readonly shapes: readonly (readonly number[])[];
  readonly run: (inputs: Tensor[]) => Tensor;
  /** Most floats that the device binds. Default 1000. */
  readonly floats?: number;
  /** Inputs whose gradients are sums over all rows, which parts add up in another order. */
  readonly sums?: readonly number[];
  /** The value is a sum over all rows. */
  readonly isSum?: true;
}

const int = (values: ArrayLike<number>, shape: readonly number[]): Tensor =>
  ops.tensor(Int32Array.from(values), shape, 'int32');

/** Documents in runs, with padding at the end. */
const documents = (batch: number, time: number): Tensor =>
  int(
    Array.from({ length: batch * time }, (_, i) => (i % time >= time - 1 ? -1 : Math.floor((i % time) / 7))),
    [batch, time],
  );

const attention = (batch: number, time: number, heads: number, keyHeads: number, d: number): Case => ({
  name: `causalAttention [${batch}, ${time}, ${heads}/${keyHeads}, ${d}]`,
  shapes: [
    [batch, time, heads, d],
    [batch, time, keyHeads, d],
    [batch, time, keyHeads, d],
  ],
  run: ([q, k, v]) => {
    const ids = documents(batch, time);
    const masks = { queryDocumentIds: ids, keyDocumentIds: ids };
    return ops.causalAttention(q!, k!, v!, { scale: 0.4, window: 5, ...masks });
  },
});

/** Choices of experts by tokens; one expert gets none. */
const choice = (tokens: number, topK: number, experts: number): Tensor => {
  const chosen = ops.createRng(3).integers(tokens * topK, experts - 1);
  return int(
    chosen.map((e) => (e >= experts - 2 ? experts - 1 : e)),
    [tokens, topK],
  );
};

const grouped = (rows: number, experts: number, out: number, width: number, floats: number): Case => ({
  name: `groupedMatMul, ${rows} rows, weights [${experts}, ${out}, ${width}], ${floats} floats`,
  shapes: [
    [rows, width],
    [experts, out, width],
  ],
  run: ([x, w]) => {
    const { offsets } = ops.sortByExpert(choice(rows, 1, experts), experts);
    return ops.groupedMatMul(x!, w!, offsets);
  },
  floats,
  sums: [1],
});

const rope = (batch: number, time: number, heads: number, d: number): Case => ({
  name: `rope [${batch}, ${time}, ${heads}, ${d}]`,
  shapes: [[batch, time, heads, d]],
  run: ([x]) => {
    const angles = ops.mul(ops.cast(ops.range((time * d) / 2), 'float32'), 0.1);
    const [cos, sin] = [ops.reshape(ops.sub(1, angles), [time, d / 2]), ops.reshape(angles, [time, d / 2])];
    const positions = int(
      Array.from({ length: batch * time }, (_, i) => (i * 5) % time),
      [batch, time],
    );
    return ops.rope(x!, cos, sin, positions);
  },
});

const cases: Case[] = [
  // bindings hold 64 rows of 12 values, or fewer rows than an aligned part needs
  ...[
    [150, 12],
    [70, 33],
    [9, 300],
  ].flatMap(([r, d]): Case[] => [
    {
      name: `rmsNorm [${r}, ${d}]`,
      shapes: [[r!, d!], [d!]],
      run: ([x, w]) => ops.rmsNorm(x!, w!, 1e-5),
      sums: [1],
    },
    {
      name: `layerNorm [${r}, ${d}]`,
      shapes: [[r!, d!], [d!], [d!]],
      run: ([x, w, b]) => ops.layerNorm(x!, w!, b!, 1e-5),
      sums: [1, 2],
    },
    {
      name: `rmsNormalizeSum [${r}, ${d}]`,
      shapes: [
        [r!, d!],
        [r!, d!],
      ],
      run: ([a, b]) => ops.rmsNormalizeSum(a!, b!, 1e-5),
    },
    {
      name: `gatedBlend [${r}, ${d}]`,
      shapes: [
        [r!, d!],
        [r!, d!],
        [r!, d!],
        [r!, 1],
      ],
      run: ([residual, base, moe, weight]) => ops.gatedBlend(residual!, base!, moe!, weight!),
    },
    {
      name: `gateWeight [${r}, ${d}]`,
      shapes: [[r!, d!], [r!, d!], [d!], [d!], [1, d!], [1]],
      run: ([left, right, leftBias, rightBias, weight, bias]) => {
        const params = { leftBias: leftBias!, rightBias: rightBias!, weight: weight!, bias: bias! };
        const { logit, probability } = ops.gateWeight(left!, right!, params);
        return ops.mul(logit, probability);
      },
      sums: [2, 3, 4, 5],
    },
    {
      name: `embedding of ${r} ids, width ${d}`,
      shapes: [[12, d!]],
      run: ([table]) => ops.embedding(table!, int(ops.createRng(3).integers(r!, 12), [r!])),
    },
  ]),
  {
    name: 'swiglu',
    shapes: [
      [33, 40],
      [33, 40],
    ],
    run: ([a, b]) => ops.swiglu(a!, b!),
  }, // prettier-ignore
  rope(3, 11, 3, 14),
  rope(2, 4, 2, 180),
  {
    name: 'causalMean',
    shapes: [[5, 21, 17]],
    run: ([x]) => ops.causalMean(x!, documents(5, 21)),
  },
  attention(5, 13, 4, 2, 12),
  attention(7, 9, 3, 1, 7),
  attention(2, 70, 2, 2, 4),
  {
    name: 'slotRows and combineRows',
    shapes: [
      [50, 27],
      [50, 3],
    ],
    run: ([x, weights]) => {
      const order = ops.sortByExpert(choice(50, 3, 5), 5);
      return ops.combineRows(ops.slotRows(x!, order), order.inverse, weights!);
    },
  },
  grouped(60, 5, 16, 12, 700),
  grouped(61, 7, 9, 13, 500),
  grouped(300, 4, 20, 8, 1000),
  grouped(20, 6, 24, 40, 1100),
  {
    name: 'split and concat',
    shapes: [
      [70, 9, 5],
      [70, 2, 5],
    ],
    run: ([a, b]) => {
      const [first, second] = ops.split(ops.concat([a!, b!], 1), [4, 7], 1);
      return ops.concat([ops.mul(second!, second!), first!], 1);
    },
  },
  {
    name: 'split and concat of rows',
    shapes: [
      [110, 11],
      [45, 11],
    ],
    run: ([a, b]) => {
      const [first, second] = ops.split(ops.concat([a!, b!], 0), [31, 124], 0);
      return ops.concat([ops.mul(second!, second!), first!], 0);
    },
  },
  ...(
    [
      [[7, 31, 11], [11]],
      [
        [7, 31, 11],
        [31, 1],
      ],
      [
        [7, 31, 11],
        [7, 1, 11],
      ],
      [[1], [7, 31, 11]],
    ] as const
  ).map(
    (shapes): Case => ({
      name: `arithmetic [${shapes[0]}], [${shapes[1]}]`,
      shapes,
      run: ([a, b]) => ops.div(ops.sub(ops.mul(a!, b!), b!), ops.add(ops.exp(b!), ops.square(a!))),
      sums: [0, 1],
    }),
  ),
  {
    name: 'curves',
    shapes: [[7, 31, 11]],
    run: ([x]) => ops.add(ops.tanh(x!), ops.mul(ops.sigmoid(x!), ops.softplus(ops.relu(ops.neg(x!))))),
  },
  {
    name: 'where and clip',
    shapes: [
      [7, 31, 11],
      [7, 31, 1],
      [1, 1, 11],
    ],
    run: ([x, rows, columns]) => ops.where(ops.greater(rows!, 0), ops.clip(x!, -1, 1), columns!),
    sums: [2],
  },
  {
    name: 'slice and stack',
    shapes: [[7, 31, 11]],
    run: ([x]) => {
      const [first, second] = [ops.slice(x!, [1, 0, 0], [5, -1, -1]), ops.slice(x!, [2, 0, 0], [5, -1, -1])];
      return ops.slice(ops.stack([first, second], 1), [1, 1, 4, 2], [3, 1, -1, 7]);
    },
  },
  ...[undefined, 0, 1, 2, [0, 1], [1, 2]].map(
    (axis): Case => ({
      name: `sum over ${axis ?? 'all'}`,
      shapes: [[7, 31, 11]],
      run: ([x]) => ops.sum(ops.mul(x!, x!), axis),
      isSum: true,
    }),
  ),
];

/** The value, then the gradients of Σ value · weights. */
function valuesOf({ run }: Case, inputs: readonly Tensor[]): Tensor[] {
  const value = run([...inputs]);
  const weights = ops.randomNormal(ops.createRng(99), value.shape, 1);
  const named = new Map(inputs.map((input, i) => [String(i), input]));
  const { gradients } = ops.valueAndGrads(() => ops.sum(ops.mul(run([...inputs]), weights)), named);
  return [value, ...gradients.values()];
}

const whole = 2 ** 24;

describe.skipIf(noAdapter)(`activations larger than a binding${skipNote}`, () => {
  beforeAll(async () => {
    await selectBackend('webgpu');
  });
  afterEach(() => {
    Object.assign(activeWebgpu().limits, limitsOf(activeWebgpu().device));
  });

  describe.each(['what suits the adapter', 'workgroup memory'])('with %s', (form) => {
    const before = {};
    beforeAll(() => {
      const { hasCheapSubgroups, products } = activeWebgpu();
      Object.assign(before, { hasCheapSubgroups, products });
      if (form === 'what suits the adapter') return;
      const inTiles = { ...products, float32: 'tiles', frozen: 'tiles' };
      Object.assign(activeWebgpu(), { hasCheapSubgroups: false, products: inTiles });
    });
    afterAll(() => void Object.assign(activeWebgpu(), before));

    it.each(cases)('$name', async (given) => {
      const { shapes, floats = 1000, sums = [], isSum } = given;
      const inputs = shapes.map((shape, i) => ops.randomNormal(ops.createRng(i + 1), shape, 1));
      const expected = await withFloats(whole, () => valuesOf(given, inputs));
      expect(Math.max(...expected.map(({ length }) => length))).toBeGreaterThan(floats);
      let parts: Float32Array[] = [];
      const leaked = await leakedTensors(async () => {
        parts = await withFloats(floats, () => valuesOf(given, inputs));
      });
      expect(leaked).toBe(0);
      for (const [i, values] of parts.entries()) {
        const isExact = i === 0 ? isSum !== true : !sums.includes(i - 1);
        // sums of float32 in another order
        if (!isExact) expect(difference([values], [expected[i]!])).toBeLessThan(1e-5);
        else expect(values, `result ${i}`).toEqual(expected[i]);
      }
      ops.dispose(inputs);
    });
  });
});
