import { Gelu, GeluGrad, Swiglu, SwigluGrad } from '@moect/kernels';
import { beforeAll, describe, expect, it } from 'vitest';
import { expectClose, floats, normal, runKernel, startBackend, uniform } from './test-support.ts';

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

/** erfc by its continued fraction or series, to about 1e-15. */
function erfc(x: number): number {
  if (x < 0) return 2 - erfc(-x);
  if (x < 2.5) {
    let [term, sum] = [x, x];
    for (let n = 1; n < 100; n++) {
      term *= (-x * x) / n;
      sum += term / (2 * n + 1);
    }
    return 1 - (2 / Math.sqrt(Math.PI)) * sum;
  }
  let f = 0;
  for (let k = 200; k > 0; k--) f = k / 2 / (x + f);
  return Math.exp(-x * x) / Math.sqrt(Math.PI) / (x + f);
}

const phi = (x: number): number => erfc(-x / Math.SQRT2) / 2;
const density = (x: number): number => Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);
const c = Math.sqrt(2 / Math.PI);
const gelus = {
  none: { value: (x: number) => x * phi(x), slope: (x: number) => phi(x) + x * density(x) },
  tanh: {
    value: (x: number) => x * sigmoid(2 * c * (x + 0.044715 * x ** 3)),
    slope: (x: number) => {
      const s = sigmoid(2 * c * (x + 0.044715 * x ** 3));
      return s + x * s * (1 - s) * 2 * c * (1 + 3 * 0.044715 * x * x);
    },
  },
};

const sizes = [[0], [1], [7], [16], [3, 5], [1000]];
const range = floats(
  [2001],
  Array.from({ length: 2001 }, (_, i) => (i - 1000) / 100),
);

beforeAll(async () => {
  await startBackend();
});

// exp has relative error 2e-7 and its argument (up to 10 here) one rounding: 1e-6 in all
describe('Swiglu', () => {
  it.each(sizes.map((shape) => [shape]))('agrees with float64 on %j', (shape) => {
    const next = uniform(1);
    const [gate, up, dy] = [normal(shape, next, 4), normal(shape, next), normal(shape, next)];
    const [y] = runKernel(Swiglu, { gate, up });
    const at = gate.values;
    expectClose(
      y,
      at.map((g, i) => g * sigmoid(g) * up.values[i]!),
      1e-6,
    );
    const [dgate, dup] = runKernel(SwigluGrad, { gate, up, dy });
    const slope = at.map((g) => sigmoid(g) * (1 + g * (1 - sigmoid(g))));
    expectClose(
      dgate,
      slope.map((s, i) => s * dy.values[i]! * up.values[i]!),
      1e-6,
    );
    expectClose(
      dup,
      at.map((g, i) => g * sigmoid(g) * dy.values[i]!),
      1e-6,
    );
  });

  it('passes NaN and infinity on and does not overflow', () => {
    const gate = floats([6], [Number.NaN, Number.POSITIVE_INFINITY, 200, -200, 0, 1]);
    const [y] = runKernel(Swiglu, { gate, up: floats([6], [1, 1, 1, 1, 1, Number.NaN]) });
    expectClose(y, [Number.NaN, Number.POSITIVE_INFINITY, 200, 0, 0, Number.NaN], 1e-6);
  });

  it('refuses inputs of different shapes', () => {
    const inputs = { gate: floats([2], [1, 2]), up: floats([1], [1]) };
    expect(() => runKernel(Swiglu, inputs)).toThrow('expected float32 [2]');
  });
});

describe.each(['none', 'tanh'] as const)('Gelu %s', (approximate) => {
  const { value, slope } = gelus[approximate];

  it.each(sizes.map((shape) => [shape]))('agrees with float64 on %j', (shape) => {
    const next = uniform(2);
    const [x, dy] = [normal(shape, next, 2), normal(shape, next)];
    expectClose(runKernel(Gelu, { x }, { approximate })[0], x.values.map(value), 1e-6);
    const [dx] = runKernel(GeluGrad, { x, dy }, { approximate });
    expectClose(
      dx,
      x.values.map((v, i) => slope(v) * dy.values[i]!),
      2e-6,
    );
  });

  it('is exact to float32 everywhere between -10 and 10', () => {
    const [y] = runKernel(Gelu, { x: range }, { approximate });
    // relative in the tail too, where float32 keeps the argument of exp (up to 50) to 3e-6
    expectClose(y, range.values.map(value), 1e-7, approximate === 'none' ? 2e-5 : 1e-5);
  });

  it('passes NaN and infinity on', () => {
    const [y] = runKernel(Gelu, { x: floats([3], [Number.NaN, Infinity, -60]) }, { approximate });
    expectClose(y, [Number.NaN, Number.POSITIVE_INFINITY, 0], 1e-7);
  });
});

describe('Gelu', () => {
  it('refuses another approximation', () => {
    expect(() => runKernel(Gelu, { x: floats([1], [1]) }, { approximate: 'quick' })).toThrow(
      "'none' or 'tanh'",
    );
  });
});
