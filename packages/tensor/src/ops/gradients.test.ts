import type { Tensor } from '@moect/core';
import { beforeAll, describe, expect, it } from 'vitest';
import * as ops from '../index.ts';
import { checkGradients, leakedTensors, selectBackend, testBackends } from '../testing.ts';

const rng = ops.createRng(7);
const random = (shape: number[]): { data: Float32Array; shape: number[] } => ({
  data: rng.normal(shape.reduce((a, b) => a * b, 1)),
  shape,
});
const int = (values: number[], shape: number[]): Tensor => ops.tensor(values, shape, 'int32');

interface Case {
  readonly name: string;
  readonly inputs: { data: Float32Array; shape: number[] }[];
  readonly run: (inputs: Tensor[]) => Tensor;
}

const documents = [0, 0, 0, 1, 1, 0, 1, 1, -1, -1];
const cos = Array.from({ length: 16 }, (_, i) => Math.cos(i / 3));
const sin = Array.from({ length: 16 }, (_, i) => Math.sin(i / 3));
const cases: Case[] = [
  {
    name: 'linear',
    inputs: [random([2, 3, 5]), random([4, 5]), random([4])],
    run: ([x, w, b]) => ops.linear(x!, w!, b),
  },
  {
    // the gradient of x is a sum that products may add to in place; w, the input beside x, has a second use
    name: 'linear, several on one input',
    inputs: [random([2, 3, 5]), random([5, 5]), random([5, 5])],
    run: ([x, w, u]) => {
      const hidden = ops.add(x!, ops.linear(x!, w!));
      return ops.add(ops.mul(ops.linear(hidden, u!), ops.linear(hidden, w!)), ops.linear(hidden, w!));
    },
  },
  {
    name: 'linear of a tensor and itself',
    inputs: [random([4, 4])],
    run: ([x]) => ops.add(ops.linear(x!, x!), ops.linear(ops.square(x!), x!)),
  },
  {
    name: 'matMul transposed',
    inputs: [random([2, 5, 3]), random([2, 4, 5])],
    run: ([a, b]) => ops.matMul(a!, b!, { transposeA: true, transposeB: true }),
  },
  { name: 'rmsNorm', inputs: [random([2, 3, 6]), random([6])], run: ([x, w]) => ops.rmsNorm(x!, w!, 1e-3) },
  {
    name: 'layerNorm',
    inputs: [random([2, 3, 6]), random([6]), random([6])],
    run: ([x, w, b]) => ops.layerNorm(x!, w!, b!, 1e-3),
  },
  { name: 'gelu', inputs: [random([9])], run: ([x]) => ops.gelu(x!) },
  { name: 'gelu tanh', inputs: [random([9])], run: ([x]) => ops.gelu(x!, 'tanh') },
  { name: 'rmsNormalize', inputs: [random([3, 6])], run: ([x]) => ops.rmsNormalize(x!, 1e-6) },
  {
    name: 'rmsNormalizeSum',
    inputs: [random([3, 7]), random([3, 7])],
    run: ([a, b]) => ops.rmsNormalizeSum(a!, b!, 1e-6),
  },
  {
    name: 'gatedBlend',
    inputs: [random([2, 3, 5]), random([2, 3, 5]), random([2, 3, 5]), random([2, 3, 1])],
    run: ([residual, base, moe, weight]) => ops.gatedBlend(residual!, base!, moe!, weight!),
  },
  {
    name: 'gateWeight, logit and probability',
    inputs: [random([2, 3, 5]), random([2, 3, 5]), random([5]), random([5]), random([1, 5]), random([1])],
    run: ([left, right, leftBias, rightBias, weight, bias]) => {
      const params = { leftBias: leftBias!, rightBias: rightBias!, weight: weight!, bias: bias! };
      const { logit, probability } = ops.gateWeight(left!, right!, params);
      return ops.concat([logit, probability], -1);
    },
  },
  {
    name: 'gateWeight, probability alone',
    inputs: [random([3, 5]), random([3, 5])],
    run: ([left, right]) => {
      const [zeros, bias] = [ops.zeros([5]), ops.ones([1])];
      const params = { leftBias: zeros, rightBias: zeros, weight: ops.fill([1, 5], 0.7), bias };
      return ops.gateWeight(left!, right!, params).probability;
    },
  },
  {
    name: 'gatePrior',
    inputs: [random([2, 5])],
    run: ([logit]) => {
      const options = { positive: 1, positiveScale: 0.4, negative: 2, negativeScale: 0.9 };
      const classes = int([1, 2, 0, 1, 2, 2, 1, 1, 1, 2], [2, 5]);
      const { positive, negative } = ops.gatePrior(logit!, classes, int(documents, [2, 5]), options);
      return ops.stack([positive, negative]);
    },
  },
  ...[true, false].map((renormalize) => ({
    name: `chooseExperts, renormalize ${renormalize}`,
    // the logits are far apart, so that no finite difference changes the choice
    inputs: [
      { data: Float32Array.of(0.1, 0.9, -0.6, 0.4, 1.2, -0.3, 0.2, 0.7, -1, 0.3, 0, 0.5), shape: [3, 4] },
    ],
    run: ([logits]: Tensor[]) => ops.chooseExperts(logits!, 2, renormalize).weights,
  })),
  {
    name: 'loadBalance',
    inputs: [random([5, 4])],
    run: ([logits]) => {
      const [counts, mask] = [ops.tensor([3, 1, 0, 4], [4]), ops.tensor([1, 0, 1, 1, 0], [5])];
      return ops.loadBalance(logits!, counts, mask);
    },
  },
  {
    name: 'squaredLogSumExp',
    inputs: [random([5, 4])],
    run: ([logits]) => ops.squaredLogSumExp(logits!, ops.tensor([1, 0, 1, 1, 0], [5])),
  },
  {
    name: 'rope',
    inputs: [random([1, 3, 2, 8])],
    run: ([x]) => ops.rope(x!, ops.tensor(cos, [4, 4]), ops.tensor(sin, [4, 4]), int([0, 3, 1], [1, 3])),
  },
  {
    name: 'causalAttention with documents and grouped heads',
    inputs: [random([2, 5, 4, 3]), random([2, 5, 2, 3]), random([2, 5, 2, 3])],
    run: ([q, k, v]) => {
      const ids = int(documents, [2, 5]);
      return ops.causalAttention(q!, k!, v!, { scale: 0.6, queryDocumentIds: ids, keyDocumentIds: ids });
    },
  },
  {
    name: 'causalAttention with a window and earlier keys',
    inputs: [random([1, 2, 2, 4]), random([1, 6, 1, 4]), random([1, 6, 1, 4])],
    run: ([q, k, v]) =>
      ops.causalAttention(q!, k!, v!, {
        scale: 0.5,
        window: 3,
        queryDocumentIds: int([0, 0], [1, 2]),
        keyDocumentIds: int([0, 0, 0, 0, 0, 0], [1, 6]),
      }),
  },
  {
    name: 'causalAttention with a cap of scores',
    inputs: [random([2, 5, 4, 3]), random([2, 5, 2, 3]), random([2, 5, 2, 3])],
    run: ([q, k, v]) => {
      const ids = int(documents, [2, 5]);
      const masks = { queryDocumentIds: ids, keyDocumentIds: ids };
      return ops.causalAttention(q!, k!, v!, { scale: 0.6, softcap: 0.8, ...masks });
    },
  },
  { name: 'softcap', inputs: [random([9])], run: ([x]) => ops.softcap(x!, 0.7) },
  { name: 'swiglu', inputs: [random([3, 7]), random([3, 7])], run: ([g, u]) => ops.swiglu(g!, u!) },
  { name: 'embedding', inputs: [random([5, 3])], run: ([t]) => ops.embedding(t!, int([4, 0, 4, 2], [2, 2])) },
  {
    name: 'crossEntropy',
    inputs: [random([4, 6])],
    run: ([l]) => ops.crossEntropy(l!, int([5, -1, 0, 2], [4])),
  },
  {
    name: 'linearCrossEntropy',
    inputs: [random([4, 3]), random([6, 3]), random([4, 2]), random([6, 2])],
    run: ([x, w, y, v]) => {
      const terms = [
        { input: x!, weight: w!, trainable: true },
        { input: y!, weight: v!, trainable: true },
      ];
      return ops.linearCrossEntropy(terms, int([5, -1, 0, 2], [4]), 0.3).loss;
    },
  },
  {
    name: 'linearCrossEntropy, one term for listed tokens',
    inputs: [random([4, 3]), random([6, 3]), random([4, 2]), random([3, 2])],
    run: ([x, w, y, v]) => {
      const terms = [
        { input: x!, weight: w!, trainable: true },
        { input: y!, weight: v!, trainable: true, tokens: int([5, 0, 2], [3]) },
      ];
      return ops.linearCrossEntropy(terms, int([5, -1, 0, 3], [4]), 0.3).loss;
    },
  },
  {
    name: 'spreadColumns',
    inputs: [random([2, 3, 2])],
    run: ([x]) => ops.spreadColumns(x!, int([4, 1], [2]), 5),
  },
  {
    name: 'linearCrossEntropy with a cap',
    inputs: [random([4, 3]), random([6, 3])],
    run: ([x, w]) => {
      const terms = [{ input: x!, weight: w!, trainable: true }];
      return ops.linearCrossEntropy(terms, int([5, -1, 0, 2], [4]), 0.3, 1.2).loss;
    },
  },
  {
    name: 'groupedMatMul',
    inputs: [random([6, 4]), random([4, 3, 4])],
    run: ([x, w]) => ops.groupedMatMul(x!, w!, int([0, 2, 2, 5, 6], [5])),
  },
  {
    name: 'slotRows',
    inputs: [random([3, 4])],
    run: ([x]) => ops.slotRows(x!, ops.sortByExpert(int([2, 0, 1, 2, 0, 1], [3, 2]), 3)),
  },
  {
    name: 'combineProducts',
    inputs: [random([6, 5]), random([3, 4, 5]), random([3, 2])],
    run: ([x, w, weights]) => {
      const order = ops.sortByExpert(int([2, 0, 0, 2, 1, 0], [3, 2]), 3);
      return ops.combineProducts(x!, w!, order, weights!);
    },
  },
  {
    name: 'combineRows',
    inputs: [random([6, 4]), random([3, 2])],
    run: ([rows, w]) => ops.combineRows(rows!, int([2, 0, 4, 3, 1, 5], [6]), w!),
  },
  {
    name: 'causalMean',
    inputs: [random([2, 5, 3])],
    run: ([x]) => ops.causalMean(x!, int(documents, [2, 5])),
  },
  { name: 'softmax', inputs: [random([3, 5])], run: ([x]) => ops.softmax(x!) },
  { name: 'logSumExp', inputs: [random([3, 5])], run: ([x]) => ops.logSumExp(x!, -1) },
  { name: 'softplus', inputs: [random([9])], run: ([x]) => ops.softplus(x!) },
  { name: 'silu', inputs: [random([9])], run: ([x]) => ops.silu(x!) },
  { name: 'tanh and sigmoid', inputs: [random([9])], run: ([x]) => ops.tanh(ops.sigmoid(x!)) },
  {
    name: 'mean, broadcast product',
    inputs: [random([3, 4]), random([4])],
    run: ([x, y]) => ops.mean(ops.mul(x!, y!), 0),
  },
  {
    name: 'slice and concat',
    inputs: [random([4, 3])],
    run: ([x]) => ops.concat([ops.slice(x!, [1, 0], [2, 3]), x!]),
  },
  { name: 'transpose', inputs: [random([2, 3, 4])], run: ([x]) => ops.square(ops.transpose(x!, [2, 0, 1])) },
];

describe.each(testBackends())('gradients on %s', (backend) => {
  beforeAll(async () => {
    await selectBackend(backend);
  });

  // differences of width 0.01 are off by about 1e-4 · third derivative; float32 adds 1e-7 / 0.02 = 5e-6
  it.each(cases)('$name agrees with central differences (law 8)', async ({ inputs, run }) => {
    const { error, where } = await checkGradients(run, inputs);
    expect(error, where).toBeLessThan(1e-3);
  });

  it.each(cases)(
    '$name keeps what its gradient needs when a scope closes around it',
    async ({ inputs, run }) => {
      const { error } = await checkGradients((xs) => ops.tidy(() => run(xs)), inputs);
      expect(error).toBeLessThan(1e-3);
    },
  );

  it('leaks nothing', async () => {
    const inputs = cases.map((c) => c.inputs.map(({ data, shape }) => ops.tensor(data, shape)));
    const leaked = await leakedTensors(() => {
      for (const [i, c] of cases.entries()) {
        const named = new Map(inputs[i]!.map((x, j) => [String(j), x]));
        ops.dispose(ops.tidy(() => ops.valueAndGrads(() => ops.sum(c.run(inputs[i]!)), named)));
      }
    });
    ops.dispose(inputs);
    expect(leaked).toBe(0);
  });
});
