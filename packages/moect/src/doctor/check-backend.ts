import { MoectError, type ParamMap, type Tensor } from '@moect/core';
import {
  type BackendName,
  createRng,
  crossEntropy,
  dispose,
  embedding,
  linear,
  matMul,
  mean,
  randomNormal,
  rmsNorm,
  swiglu,
  tensor,
  tidy,
  valueAndGrads,
} from '@moect/tensor';
import { chooseBackend } from '../base/choose-backend.ts';

export interface BackendCheck {
  readonly name: BackendName;
  readonly available: boolean;
  /** Description, or the reason for absence. */
  readonly detail: string;
  /** Advice if the backend is unavailable or computes wrongly. */
  readonly remedy: string | null;
  readonly threads: number | null;
  /** Square float32 matrix products: 2·n³ operations each. */
  readonly gflops: number | null;
  /** Relative difference between a directional derivative and its finite difference. */
  readonly gradientError: number | null;
  readonly gradientOk: boolean;
}

/** Largest difference that rounding explains, for float32 and a central difference. */
const GRADIENT_TOLERANCE = 0.01;

/** Median over three rounds of at least 0.1 s. */
async function measureGflops(size: number): Promise<number> {
  const rng = createRng(1);
  const [a, b] = [randomNormal(rng, [size, size], 1), randomNormal(rng, [size, size], 1)];
  const product = async (): Promise<void> => {
    const c = matMul(a, b);
    await c.data();
    c.dispose();
  };
  await product();
  const rounds: number[] = [];
  for (let round = 0; round < 3; round++) {
    const begin = performance.now();
    let count = 0;
    while (performance.now() - begin < 100) {
      await product();
      count++;
    }
    rounds.push((2 * size ** 3 * count) / (performance.now() - begin) / 1e6);
  }
  dispose([a, b]);
  return rounds.sort((x, y) => x - y)[1]!;
}

const VOCABULARY = 23;
const WIDTH = 16;
const INNER = 24;
const ROWS = 40;

/** A small language model without attention: every kind of operation that training spends its time in. */
function loss(p: ParamMap, ids: Tensor, targets: Tensor): Tensor {
  const x = rmsNorm(embedding(p.get('embed')!, ids), p.get('norm')!, 1e-5);
  const inner = swiglu(linear(x, p.get('gate')!), linear(x, p.get('up')!));
  return mean(crossEntropy(linear(linear(inner, p.get('down')!), p.get('embed')!), targets));
}

async function dot(a: ParamMap, b: ParamMap): Promise<number> {
  let sum = 0;
  for (const [name, tensorA] of a) {
    const [x, y] = [await tensorA.data(), await b.get(name)!.data()];
    for (let i = 0; i < x.length; i++) sum += x[i]! * y[i]!;
  }
  return sum;
}

/** p + scale · d */
async function moved(p: ParamMap, d: ParamMap, scale: number): Promise<Map<string, Tensor>> {
  const result = new Map<string, Tensor>();
  for (const [name, value] of p) {
    const [x, y] = [(await value.data()) as Float32Array, await d.get(name)!.data()];
    result.set(
      name,
      tensor(
        x.map((v, i) => v + scale * y[i]!),
        value.shape,
      ),
    );
  }
  return result;
}

/** Relative difference of the gradient's directional derivative from (f(p + εd) − f(p − εd)) ÷ 2ε. */
async function measureGradient(): Promise<number> {
  const rng = createRng(2);
  const shapes: Record<string, number[]> = {
    embed: [VOCABULARY, WIDTH],
    norm: [WIDTH],
    gate: [INNER, WIDTH],
    up: [INNER, WIDTH],
    down: [WIDTH, INNER],
  };
  const random = (label: string): Map<string, Tensor> =>
    new Map(
      Object.entries(shapes).map(([name, shape]) => [name, randomNormal(rng.fork(label + name), shape, 0.4)]),
    );
  const [p, direction] = [random('p'), random('d')];
  const ids = tensor(rng.integers(ROWS, VOCABULARY), [ROWS], 'int32');
  const targets = tensor(rng.integers(ROWS, VOCABULARY), [ROWS], 'int32');
  const { value, gradients } = valueAndGrads(() => loss(p, ids, targets), p);
  const analytic = await dot(gradients, direction);
  const epsilon = 1e-2;
  const sides: number[] = [];
  for (const sign of [1, -1]) {
    const there = await moved(p, direction, sign * epsilon);
    const at = tidy(() => loss(there, ids, targets));
    sides.push((await at.data())[0]!);
    dispose([there, at]);
  }
  dispose([p, direction, ids, targets, value, gradients]);
  const numeric = (sides[0]! - sides[1]!) / (2 * epsilon);
  return Math.abs(analytic - numeric) / Math.max(Math.abs(analytic), Math.abs(numeric));
}

/** Starts a backend, measures its speed and compares a gradient with finite differences. */
export async function checkBackend(name: BackendName, threads?: number): Promise<BackendCheck> {
  try {
    const info = await chooseBackend(name, threads);
    const gflops = await measureGflops(name === 'cpu' ? 128 : 512);
    const gradientError = await measureGradient();
    const gradientOk = gradientError < GRADIENT_TOLERANCE;
    const remedy = gradientOk ? null : 'Its gradients are wrong here: use another backend and report this.';
    return {
      name,
      available: true,
      detail: info.detail,
      remedy,
      threads: info.threads,
      gflops,
      gradientError,
      gradientOk,
    };
  } catch (error) {
    const remedy = MoectError.isInstance(error) ? error.hint : 'Report this with the output of --verbose.';
    const detail = (error as Error).message.replace(remedy, '').trim();
    return {
      name,
      available: false,
      detail,
      remedy,
      threads: null,
      gflops: null,
      gradientError: null,
      gradientOk: false,
    };
  }
}
