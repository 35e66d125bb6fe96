import type { ParamMap, Tensor } from '@moect/core';
import { createRng } from '@moect/core';
import { ones, randomNormal, tensor, variable, zeros } from '../create.ts';
import { valueAndGrads } from '../gradients.ts';
import { causalAttention } from '../ops/causal-attention.ts';
import { crossEntropy } from '../ops/cross-entropy.ts';
import { add, mul } from '../ops/elementwise.ts';
import { embedding } from '../ops/embedding.ts';
import { linear } from '../ops/linear.ts';
import { mean } from '../ops/reduce.ts';
import { rmsNorm } from '../ops/rms-norm.ts';
import { reshape } from '../ops/shape.ts';
import { swiglu } from '../ops/swiglu.ts';
import { dispose, tidy } from '../scope.ts';

const [BATCH, TIME, HEADS, WIDTH, INNER, VOCAB] = [4, 64, 4, 128, 256, 256];
const SHAPES: Readonly<Record<string, readonly number[]>> = {
  embed: [VOCAB, WIDTH],
  query: [WIDTH, WIDTH],
  key: [WIDTH, WIDTH],
  value: [WIDTH, WIDTH],
  out: [WIDTH, WIDTH],
  gate: [INNER, WIDTH],
  up: [INNER, WIDTH],
  down: [WIDTH, INNER],
};
/** Long enough for clocks and caches to settle, short enough to go unnoticed. */
const MILLISECONDS = 200;

interface Probe {
  readonly parameters: ParamMap;
  readonly tokens: Tensor;
  readonly documents: Tensor;
  readonly norm: Tensor;
}

/** One block of a transformer and its head: the operations that training spends its time in, in their proportions. */
function loss({ parameters, tokens, documents, norm }: Probe): Tensor {
  const at = (name: string): Tensor => parameters.get(name)!;
  const x = embedding(at('embed'), tokens);
  const normed = rmsNorm(x, norm, 1e-5);
  const [q, k, v] = ['query', 'key', 'value'].map((name) =>
    reshape(linear(normed, at(name)), [BATCH!, TIME!, HEADS!, WIDTH! / HEADS!]),
  );
  const options = { scale: 0.2, queryDocumentIds: documents, keyDocumentIds: documents };
  const attended = causalAttention(q!, k!, v!, options);
  const y = add(x, linear(reshape(attended, x.shape), at('out')));
  const again = rmsNorm(y, norm, 1e-5);
  const z = add(y, linear(swiglu(linear(again, at('gate')), linear(again, at('up'))), at('down')));
  const logits = reshape(linear(z, at('embed')), [BATCH! * TIME!, VOCAB!]);
  return mean(crossEntropy(logits, reshape(tokens, [BATCH! * TIME!])));
}

/** Training steps of a small block per second on the active backend. */
export async function stepsPerSecond(): Promise<number> {
  const rng = createRng(1);
  const parameters = new Map(
    Object.entries(SHAPES).map(([name, shape]) => [
      name,
      tidy(() => variable(randomNormal(rng, shape, 0.1))),
    ]),
  );
  const probe: Probe = {
    parameters,
    tokens: tensor(rng.integers(BATCH! * TIME!, VOCAB!), [BATCH!, TIME!], 'int32'),
    documents: zeros([BATCH!, TIME!], 'int32'),
    norm: ones([WIDTH!]),
  };
  const step = async (): Promise<void> => {
    const last = tidy(() => {
      const { gradients } = valueAndGrads(() => loss(probe), parameters);
      return [...gradients.values()].map((gradient) => mean(mul(gradient, gradient)));
    });
    // reads every result: unread ones may still be pending
    await Promise.all(last.map((value) => value.data()));
    dispose(last);
  };
  try {
    for (let i = 0; i < 2; i++) await step();
    const start = performance.now();
    let count = 0;
    while (performance.now() - start < MILLISECONDS) {
      await step();
      count++;
    }
    return (1000 * count) / (performance.now() - start);
  } finally {
    dispose([...parameters.values(), probe.tokens, probe.documents, probe.norm]);
  }
}
