import { CausalMean, CausalMeanGrad } from '@moect/kernels';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  expectClose,
  floats,
  inner,
  ints,
  normal,
  runKernel,
  startBackend,
  uniform,
} from './test-support.ts';

function causalMean(
  x: Float64Array,
  ids: Float64Array,
  [batch, time, d]: [number, number, number],
): Float64Array {
  const y = new Float64Array(x.length);
  for (let b = 0; b < batch; b++) {
    for (let i = 0; i < d; i++) {
      let [sum, n] = [0, 0];
      for (let t = 0; t < time; t++) {
        if (t > 0 && ids[b * time + t] !== ids[b * time + t - 1]) [sum, n] = [0, 0];
        sum += x[(b * time + t) * d + i]!;
        y[(b * time + t) * d + i] = sum / ++n;
      }
    }
  }
  return y;
}

beforeAll(async () => {
  await startBackend();
});

// sums are float64, one rounding at the end
describe('CausalMean', () => {
  it.each([[[1, 1, 1]], [[2, 5, 3]], [[3, 17, 8]], [[2, 64, 20]], [[1, 3000, 13]], [[2, 0, 4]]] as [
    [number, number, number],
  ][])('agrees with float64 on %j, with its transpose as gradient', (shape) => {
    const next = uniform(1);
    const x = normal(shape, next);
    let id = 0;
    const documentIds = ints(
      shape.slice(0, 2),
      Array.from({ length: shape[0] * shape[1] }, () => {
        if (next() < 0.2) id = Math.floor(next() * 4) - 1;
        return id;
      }),
    );
    const expected = causalMean(x.values, documentIds.values, shape);
    const [y] = runKernel(CausalMean, { x, documentIds });
    expectClose(y, expected, 1e-7, 2e-7);
    const dy = normal(shape, next);
    const [dx] = runKernel(CausalMeanGrad, { dy, documentIds });
    // linear: <mean(e), dy> = <e, dx> for the basis and for x
    expect(inner(dx!.values, x.values)).toBeCloseTo(inner(expected, dy.values), 3);
    if (x.values.length > 300) return;
    const basis = dx!.values.map((_, i) => {
      const unit = new Float64Array(x.values.length);
      unit[i] = 1;
      return inner(causalMean(unit, documentIds.values, shape), dy.values);
    });
    expectClose(dx, basis, 1e-7, 2e-7);
  });

  it('passes NaN on to what follows it in its document', () => {
    const x = floats([1, 4, 1], [1, Number.NaN, 3, 4]);
    const [y] = runKernel(CausalMean, { x, documentIds: ints([1, 4], [0, 0, 0, 1]) });
    expectClose(y, [1, Number.NaN, Number.NaN, 4], 0);
  });

  it('refuses document ids of another length', () => {
    const inputs = { x: floats([1, 1, 1], [1]), documentIds: ints([1, 2], [0, 0]) };
    expect(() => runKernel(CausalMean, inputs)).toThrow('expected int32 [1, 1]');
  });
});
