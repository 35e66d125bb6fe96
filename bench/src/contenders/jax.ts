import { ADAM, GPT, initialWeights, tokens } from '../cases/gpt-small.ts';
import { startDawn } from './dawn.ts';
import { type Contender, serve } from './serve.ts';

// jax-js needs a browser's navigator and Node 22's iterator helpers
if (!('navigator' in globalThis))
  Object.defineProperty(globalThis, 'navigator', { value: { userAgent: 'Node.js' } });
if (!('map' in Object.getPrototypeOf(Object.getPrototypeOf([][Symbol.iterator]())))) {
  const iterator = Object.getPrototypeOf(Object.getPrototypeOf([][Symbol.iterator]()));
  iterator.map = function* map(this: Iterable<unknown>, f: (x: unknown) => unknown) {
    for (const x of this) yield f(x);
  };
  iterator.filter = function* filter(this: Iterable<unknown>, f: (x: unknown) => boolean) {
    for (const x of this) if (f(x)) yield x;
  };
  iterator.toArray = function toArray(this: Iterable<unknown>) {
    return [...this];
  };
}

const jax = await import('@jax-js/jax');
const { numpy: np, nn, jit, valueAndGrad, tree } = jax;
type NdArray = ReturnType<typeof np.zeros>;
type Weights = Record<string, NdArray>;

const { batchSize, time, width, heads, layers, vocabSize } = GPT;

const norm = (x: NdArray, weight: NdArray): NdArray => {
  const centred = x.ref.sub(np.mean(x, -1, { keepdims: true }));
  const variance = np.mean(np.square(centred.ref), -1, { keepdims: true });
  return centred.div(np.sqrt(variance.add(1e-5))).mul(weight);
};

function loss(w: Weights, inputs: NdArray, targets: NdArray, future: NdArray): NdArray {
  const split = (x: NdArray): NdArray =>
    x.reshape([batchSize, time, heads, width / heads]).transpose([0, 2, 1, 3]);
  let x = np
    .matmul(inputs, w['wte']!.ref)
    .reshape([batchSize, time, width])
    .add(w['wpe']!)
    .reshape([-1, width]);
  for (let i = 0; i < layers; i++) {
    const h = norm(x.ref, w[`ln1_${i}`]!);
    const qkv = np.matmul(h, w[`qkv_${i}`]!);
    const [q, k, v] = np.split(qkv, 3, 1).map(split) as [NdArray, NdArray, NdArray];
    const scores = np.matmul(q, k.transpose([0, 1, 3, 2])).mul(1 / Math.sqrt(width / heads));
    const attended = np.matmul(nn.softmax(scores.add(future.ref), -1), v);
    x = x.add(np.matmul(attended.transpose([0, 2, 1, 3]).reshape([-1, width]), w[`out_${i}`]!));
    const hidden = nn.gelu(np.matmul(norm(x.ref, w[`ln2_${i}`]!), w[`up_${i}`]!), { approximate: true });
    x = x.add(np.matmul(hidden, w[`down_${i}`]!));
  }
  future.dispose();
  const logits = np.matmul(norm(x, w['lnf']!), w['wte']!.transpose([1, 0]));
  return np.mean(np.sum(nn.logSoftmax(logits, -1).mul(targets), 1)).neg();
}

async function create(): Promise<Contender> {
  const device = process.env['BENCH_BACKEND'] === 'webgpu' ? 'webgpu' : 'wasm';
  const gpu = device === 'webgpu' ? await startDawn() : undefined;
  const [started] = await jax.init(device);
  if (started === undefined) throw new Error(`jax-js has no ${device} here`);
  jax.defaultDevice(device);
  let weights: Weights = {};
  for (const [name, { shape, values }] of Object.entries(initialWeights())) {
    weights[name] = np.array(values).reshape(shape);
  }
  const zerosLike = (): Weights => tree.map((x: NdArray) => np.zeros(x.shape), tree.ref(weights)) as Weights;
  let [m, v] = [zerosLike(), zerosLike()];
  const batch = tokens();
  const oneHot = (ids: Int32Array): NdArray => {
    const values = new Float32Array(ids.length * vocabSize);
    ids.forEach((id, i) => {
      values[i * vocabSize + id] = 1;
    });
    return np.array(values).reshape([ids.length, vocabSize]);
  };
  const [inputs, targets] = [oneHot(batch.inputs), oneHot(batch.targets)];
  const mask = Float32Array.from({ length: time * time }, (_, i) =>
    i % time > Math.floor(i / time) ? -1e9 : 0,
  );
  const future = np.array(mask).reshape([1, 1, time, time]);
  const { beta1, beta2, learningRate, eps } = ADAM;
  const update = jit(
    (w: Weights, m: Weights, v: Weights, x: NdArray, y: NdArray, f: NdArray, c1: NdArray, c2: NdArray) => {
      const [value, grads] = valueAndGrad(loss)(tree.ref(w), x, y, f) as [NdArray, Weights];
      const m1 = tree.map(
        (a: NdArray, g: NdArray) => a.mul(beta1).add(g.mul(1 - beta1)),
        m,
        tree.ref(grads),
      ) as Weights;
      const v1 = tree.map(
        (a: NdArray, g: NdArray) => a.mul(beta2).add(np.square(g).mul(1 - beta2)),
        v,
        grads,
      ) as Weights;
      const w1 = tree.map(
        (p: NdArray, a: NdArray, b: NdArray) =>
          p.sub(
            a
              .div(c1.ref)
              .mul(learningRate)
              .div(np.sqrt(b.div(c2.ref)).add(eps)),
          ),
        w,
        tree.ref(m1),
        tree.ref(v1),
      ) as Weights;
      c1.dispose();
      c2.dispose();
      return [value, w1, m1, v1] as [NdArray, Weights, Weights, Weights];
    },
  );
  let count = 0;
  return {
    ...(gpu && { gpu }),
    async step() {
      count++;
      const [c1, c2] = [np.array([1 - beta1 ** count]), np.array([1 - beta2 ** count])];
      const [value, w1, m1, v1] = update(weights, m, v, inputs.ref, targets.ref, future.ref, c1, c2);
      [weights, m, v] = [w1, m1, v1];
      // jax-js is lazy: wait for a parameter, not only for the loss
      await w1['wte']!.ref.data();
      return (await value.data())[0]!;
    },
  };
}

serve(create);
