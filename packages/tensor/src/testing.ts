import type { BackendUnavailableError, Tensor } from '@moect/core';
import { createRng } from '@moect/core';
import type { BackendInfo, BackendName } from './backend-info.ts';
import { tensor } from './create.ts';
import { valueAndGrads } from './gradients.ts';
import { mul } from './ops/elementwise.ts';
import { sum } from './ops/reduce.ts';
import { importNode } from './optional-backends.ts';
import { dispose, memory, tidy } from './scope.ts';
import { selectBackend as select } from './select-backend.ts';
import { tf } from './tf.ts';

const SUITES: readonly BackendName[] = ['cpu', 'wasm', 'node'];

/** Why the backend `node` cannot be tested here; undefined where it can. */
const nodeObstacle: string | undefined = await importNode().then(
  ({ tensorflowObstacle }) => tensorflowObstacle(),
  (error: BackendUnavailableError) => error.reason,
);

/** Backends for the suites of every package: the installed ones, or those that MOECT_TEST_BACKENDS names. */
export function testBackends(): BackendName[] {
  const wanted = globalThis.process?.env['MOECT_TEST_BACKENDS'];
  return (
    (wanted?.split(',') as BackendName[] | undefined) ??
    SUITES.filter((name) => name !== 'node' || nodeObstacle === undefined)
  );
}

export { maxDifference } from './testing/max-difference.ts';
export type { BackendName };

/** `selectBackend`; on webgpu small tensors are computed on the device too, where stock TensorFlow.js takes the host. */
export async function selectBackend(name: BackendName | 'auto' = 'auto'): Promise<BackendInfo> {
  const info = await select(name);
  if (info.name === 'webgpu') tf.env().set('WEBGPU_CPU_FORWARD', false);
  return info;
}

export interface GradientCheck {
  /** Largest |analytic − numeric| over all elements, divided by the largest |numeric| (at least 1). */
  readonly error: number;
  /** Input and element where it occurs. */
  readonly where: string;
}

/** Σ output · weights in float64 on the host, so that only the operation itself rounds to float32. */
async function weightedSum(
  run: (inputs: Tensor[]) => Tensor,
  inputs: Tensor[],
  weights: Float32Array,
): Promise<number> {
  const output = tidy(() => run(inputs));
  const values = await output.data();
  output.dispose();
  let total = 0;
  for (let i = 0; i < values.length; i++) total += values[i]! * weights[i]!;
  return total;
}

/**
 * Compares an operation's gradients with central differences of random projections of its output.
 * @param run from inputs to one output; float32 inputs are differentiated
 * @param values one array and shape for each input
 * @param step half width of the difference; its error is O(step²)
 */
export async function checkGradients(
  run: (inputs: Tensor[]) => Tensor,
  values: readonly { readonly data: Float32Array; readonly shape: readonly number[] }[],
  step = 0.01,
): Promise<GradientCheck> {
  const inputs = values.map(({ data, shape }) => tensor(data, shape));
  const output = tidy(() => run(inputs));
  const weights = createRng(99).normal(output.size);
  const projection = tensor(weights, output.shape);
  const named = new Map(inputs.map((input, i) => [String(i), input]));
  const { value, gradients } = valueAndGrads(() => sum(mul(run(inputs), projection)), named);
  let worst: GradientCheck = { error: 0, where: 'nowhere' };
  for (const [i, { data, shape }] of values.entries()) {
    const analytic = gradients.get(String(i))
      ? await gradients.get(String(i))!.data()
      : new Float32Array(data.length);
    const numeric = new Float64Array(data.length);
    for (let j = 0; j < data.length; j++) {
      const at = async (offset: number): Promise<number> => {
        const moved = data.slice();
        moved[j]! += offset;
        const shifted = tensor(moved, shape);
        const result = await weightedSum(run, inputs.with(i, shifted), weights);
        shifted.dispose();
        return result;
      };
      numeric[j] = ((await at(step)) - (await at(-step))) / (2 * step);
    }
    const scale = Math.max(1, ...numeric.map(Math.abs));
    for (let j = 0; j < data.length; j++) {
      const error = Math.abs(analytic[j]! - numeric[j]!) / scale;
      if (!(error <= worst.error)) worst = { error, where: `input ${i}, element ${j}` };
    }
  }
  dispose([inputs, output, projection, value, [...gradients.values()]]);
  return worst;
}

/** Runs `work` and returns the change in the number of live tensors: 0 unless something leaks. */
export async function leakedTensors(work: () => Promise<void> | void): Promise<number> {
  const before = memory().numTensors;
  await work();
  return memory().numTensors - before;
}
