import type { ParamMap, Tensor, Variable } from '@moect/core';
import {
  adamWUpdate,
  add,
  causalAttention,
  crossEntropy,
  dispose,
  embedding,
  gelu,
  layerNorm,
  matMul,
  mean,
  reshape,
  scalar,
  split,
  tensor,
  tidy,
  valueAndGrads,
  variable,
  zeros,
  zerosLike,
} from '@moect/tensor';
import { ADAM, GPT, initialWeights, tokens } from './gpt-small.ts';

const { batchSize, time, width, heads } = GPT;

/** Training steps on our fused operations; the backend must have been selected. */
export function createGpt(): { step(): Promise<number> } {
  const weights = new Map<string, Variable>();
  for (const [name, { shape, values }] of Object.entries(initialWeights())) {
    weights.set(name, variable(tensor(values, shape)));
  }
  const moments = new Map([...weights].map(([n, w]) => [n, [zerosLike(w), zerosLike(w)].map(variable)]));
  const { inputs, targets } = tokens();
  const batch = {
    ids: tensor(inputs, [batchSize, time], 'int32'),
    targets: tensor(targets, [batchSize * time], 'int32'),
    documents: zeros([batchSize, time], 'int32'),
    noBias: zeros([width]),
    one: scalar(1),
  };
  let step = 0;
  return {
    async step() {
      step++;
      const value = tidy(() => {
        const { value, gradients } = valueAndGrads(() => loss(weights, batch), weights);
        const entries = [...gradients].map(([name, gradient]) => {
          const [expAvg, expAvgSq] = moments.get(name)!;
          return {
            parameter: weights.get(name)!,
            gradient,
            expAvg: expAvg!,
            expAvgSq: expAvgSq!,
            weightDecay: 0,
          };
        });
        adamWUpdate(entries, batch.one, { ...ADAM, step });
        return value;
      });
      const result = (await value.data())[0]!;
      dispose(value);
      return result;
    },
  };
}

interface GptBatch {
  readonly ids: Tensor;
  readonly targets: Tensor;
  readonly documents: Tensor;
  readonly noBias: Tensor;
}

function loss(weights: ParamMap, batch: GptBatch): Tensor {
  const at = (name: string): Tensor => weights.get(name)!;
  const product = (x: Tensor, name: string): Tensor => matMul(x, at(name));
  const norm = (x: Tensor, name: string): Tensor => layerNorm(x, at(name), batch.noBias, 1e-5);
  let x = reshape(add(embedding(at('wte'), batch.ids), at('wpe')), [batchSize * time, width]);
  for (let i = 0; i < GPT.layers; i++) {
    const parts = split(product(norm(x, `ln1_${i}`), `qkv_${i}`), [width, width, width]);
    const [q, k, v] = parts.map((part) => reshape(part, [batchSize, time, heads, width / heads]));
    const attended = causalAttention(q!, k!, v!, {
      scale: 1 / Math.sqrt(width / heads),
      queryDocumentIds: batch.documents,
      keyDocumentIds: batch.documents,
    });
    x = add(x, product(reshape(attended, [batchSize * time, width]), `out_${i}`));
    x = add(x, product(gelu(product(norm(x, `ln2_${i}`), `up_${i}`), 'tanh'), `down_${i}`));
  }
  const logits = matMul(norm(x, 'lnf'), at('wte'), { transposeB: true });
  return mean(crossEntropy(logits, batch.targets));
}
