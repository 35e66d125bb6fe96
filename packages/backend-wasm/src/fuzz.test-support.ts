// Random cases for the comparison with the cpu backend: every kernel that is not inherited, and its gradients.
import * as tf from '@tensorflow/tfjs-core';
import { bools, type Draw, type FuzzCase, floats, ints } from './test-support.ts';

/** Elementwise results are the same single operation in float32. */
const EXACT = 0;
/** One unit in the last place: the cpu backend computes in double precision. */
const ROUNDING = 2 ** -23;
/** One or two roundings of a polynomial. */
const FUNCTION = 2e-6;
/** Sums in another order. */
const SUM = 2e-5;

type Maker = (draw: Draw) => FuzzCase;
type Unary = readonly [name: string, run: (x: tf.Tensor) => tf.Tensor, tolerance: number];

/** Two shapes that broadcast to each other, in both directions. */
function broadcastPair(draw: Draw): [number[], number[]] {
  const full = draw.shape(0, 5, draw.int(1, 3) === 3 ? 33 : 6);
  while (full.reduce((a, b) => a * b, 1) > 20000) full.pop();
  const thin = (): number[] => {
    const kept = full.slice(draw.next() < 0.5 ? 0 : draw.int(0, full.length));
    return kept.map((n) => (draw.next() < 0.35 ? 1 : n));
  };
  const kind = draw.int(0, 3);
  if (kind === 0) return [full, full];
  if (kind === 1) return [full, thin()];
  if (kind === 2) return [thin(), full];
  return [thin(), thin()];
}

/** Some axes of a rank, or one, in any order, negative sometimes. */
function someAxes(draw: Draw, rank: number): number[] {
  const axes = Array.from({ length: rank }, (_, d) => d).filter(() => draw.next() < 0.5);
  if (axes.length === 0) axes.push(draw.int(0, rank - 1));
  return axes.map((d) => (draw.next() < 0.2 ? d - rank : d));
}

const matMul: Maker = (draw) => {
  const tA = draw.next() < 0.5;
  const tB = draw.next() < 0.5;
  const size = (): number => draw.pick([1, 2, 3, draw.int(1, 20), draw.int(1, 70)]);
  const [m, n] = [size(), size()];
  const k = draw.next() < 0.15 ? draw.int(500, 1100) : size();
  const batch = draw.pick([[], [], [2], [3, 2], [5]]);
  const broadcast = draw.int(0, 2);
  const ones = draw.pick([[], batch.map(() => 1)]);
  const a = floats(draw, [...(broadcast === 1 ? ones : batch), ...(tA ? [k, m] : [m, k])]);
  const b = floats(draw, [...(broadcast === 2 ? ones : batch), ...(tB ? [n, k] : [k, n])]);
  return {
    name: `matMul ${tA} ${tB}`,
    inputs: [a, b],
    tolerance: SUM,
    run: (x, y) => tf.matMul(x!, y!, tA, tB),
  };
};

const binary: Maker = (draw) => {
  const [a, b] = broadcastPair(draw);
  const [name, op, tolerance] = draw.pick([
    ['add', tf.add, EXACT],
    ['sub', tf.sub, EXACT],
    ['mul', tf.mul, EXACT],
    ['div', tf.div, EXACT],
    ['maximum', tf.maximum, EXACT],
    ['minimum', tf.minimum, EXACT],
    ['squaredDifference', tf.squaredDifference, 2e-7],
    ['equal', tf.equal, EXACT],
    ['notEqual', tf.notEqual, EXACT],
    ['less', tf.less, EXACT],
    ['lessEqual', tf.lessEqual, EXACT],
    ['greater', tf.greater, EXACT],
    ['greaterEqual', tf.greaterEqual, EXACT],
  ] as const);
  const whole = draw.next() < 0.3 && name !== 'div';
  const inputs = whole ? [ints(draw, a, -3, 3), ints(draw, b, -3, 3)] : [floats(draw, a), floats(draw, b)];
  return { name: `${name}${whole ? ' int32' : ''}`, inputs, tolerance, run: (x, y) => op(x!, y!) };
};

const logical: Maker = (draw) => {
  const [a, b] = broadcastPair(draw);
  const [name, op] = draw.pick([
    ['and', tf.logicalAnd],
    ['or', tf.logicalOr],
    ['not', (x: tf.Tensor) => tf.logicalNot(x)],
  ] as const);
  return { name, inputs: [bools(draw, a), bools(draw, b)], tolerance: EXACT, run: (x, y) => op(x!, y!) };
};

const where: Maker = (draw) => {
  const [a, b] = broadcastPair(draw);
  const full = draw.shape(0, 4, 7);
  const broadcast = a.length !== 1 && b.length <= a.length && draw.next() < 0.5;
  const [shape, other] = broadcast ? [a, b] : [full, full];
  return {
    name: 'where',
    inputs: [bools(draw, shape), floats(draw, shape), floats(draw, other)],
    tolerance: EXACT,
    run: (c, x, y) => tf.where(c!, x!, y!),
  };
};

const unary: Maker = (draw) => {
  const [name, op, tolerance] = draw.pick<Unary>([
    ['neg', tf.neg, EXACT],
    ['abs', tf.abs, EXACT],
    ['square', tf.square, ROUNDING],
    ['relu', tf.relu, EXACT],
    ['relu6', tf.relu6, EXACT],
    ['sign', tf.sign, EXACT],
    ['floor', tf.floor, EXACT],
    ['ceil', tf.ceil, EXACT],
    ['round', tf.round, EXACT],
    ['step', (x: tf.Tensor) => tf.step(x, 0.5), EXACT],
    ['leakyRelu', (x: tf.Tensor) => tf.leakyRelu(x, 0.1), ROUNDING],
    ['clip', (x: tf.Tensor) => tf.clipByValue(x, -0.5, 0.7), EXACT],
    ['exp', tf.exp, FUNCTION],
    ['expm1', tf.expm1, FUNCTION],
    ['sigmoid', tf.sigmoid, FUNCTION],
    ['tanh', tf.tanh, FUNCTION],
    ['softplus', tf.softplus, FUNCTION],
    ['erf', tf.erf, FUNCTION],
    ['elu', tf.elu, FUNCTION],
    ['log', (x: tf.Tensor) => tf.log(tf.abs(x)), FUNCTION],
    ['log1p', (x: tf.Tensor) => tf.log1p(tf.abs(x)), FUNCTION],
    ['sqrt', (x: tf.Tensor) => tf.sqrt(tf.abs(x)), 1e-7],
    ['rsqrt', (x: tf.Tensor) => tf.rsqrt(tf.add(tf.abs(x), 0.1)), 2e-7],
    ['reciprocal', (x: tf.Tensor) => tf.reciprocal(tf.add(tf.abs(x), 0.1)), 1e-7],
    ['isFinite', tf.isFinite, EXACT],
    ['isNaN', tf.isNaN, EXACT],
    ['sin', tf.sin, EXACT],
    ['pow2', (x: tf.Tensor) => tf.pow(x, 2), 1e-7],
    ['pow3', (x: tf.Tensor) => tf.pow(x, 3), EXACT],
  ]);
  return { name, inputs: [floats(draw, draw.shape(0, 4, 12), 3)], tolerance, run: (x) => op(x!) };
};

const reduction: Maker = (draw) => {
  const shape = draw.shape(1, 5, draw.int(2, 9));
  if (draw.next() < 0.2) shape[draw.int(0, shape.length - 1)] = draw.int(30, 200);
  const axes = someAxes(draw, shape.length);
  const keep = draw.next() < 0.5;
  const [name, op] = draw.pick([
    ['sum', tf.sum],
    ['mean', tf.mean],
    ['max', tf.max],
    ['min', tf.min],
    ['prod', tf.prod],
  ] as const);
  const tolerance = name === 'max' || name === 'min' ? EXACT : SUM;
  return { name, inputs: [floats(draw, shape)], tolerance, run: (x) => op(x!, axes, keep) };
};

const transposition: Maker = (draw) => {
  const shape = draw.shape(1, 6, draw.int(2, 6));
  if (shape.length < 4 && draw.next() < 0.5) shape[draw.int(0, shape.length - 1)] = draw.int(10, 50);
  const perm = shape.map((_, d) => d);
  for (let d = perm.length - 1; d > 0; d--) {
    const e = draw.int(0, d);
    [perm[d], perm[e]] = [perm[e]!, perm[d]!];
  }
  const make = draw.pick([
    () => floats(draw, shape),
    () => ints(draw, shape, -9, 9),
    () => bools(draw, shape),
  ]);
  return {
    name: `transpose ${perm}`,
    inputs: [make()],
    tolerance: EXACT,
    run: (x) => tf.transpose(x!, perm),
  };
};

const slicing: Maker = (draw) => {
  const shape = draw.shape(1, 5, 7);
  const begin = shape.map((n) => draw.int(0, n - 1));
  const size = shape.map((n, d) => draw.int(draw.next() < 0.05 ? 0 : 1, n - begin[d]!));
  const make = draw.pick([
    () => floats(draw, shape),
    () => ints(draw, shape, -9, 9),
    () => bools(draw, shape),
  ]);
  return { name: 'slice', inputs: [make()], tolerance: EXACT, run: (x) => tf.slice(x!, begin, size) };
};

const joining: Maker = (draw) => {
  const shape = draw.shape(1, 4, 6);
  const axis = draw.int(0, shape.length - 1);
  const count = draw.int(2, 4);
  const stack = draw.next() < 0.4;
  const inputs = Array.from({ length: count }, () => {
    const own = shape.slice();
    if (!stack) own[axis] = draw.int(0, 5);
    return floats(draw, own);
  });
  const run = (...all: tf.Tensor[]): tf.Tensor => (stack ? tf.stack(all, axis) : tf.concat(all, axis));
  return { name: stack ? 'stack' : 'concat', inputs, tolerance: EXACT, run };
};

const rearranging: Maker = (draw) => {
  const shape = draw.shape(1, 4, 6);
  const axis = draw.int(0, shape.length - 1);
  const x = draw.pick([() => floats(draw, shape), () => ints(draw, shape, -9, 9)])();
  const reps = shape.map(() => draw.int(1, 3));
  const paddings = shape.map(() => [draw.int(0, 3), draw.int(0, 3)] as [number, number]);
  const parts = shape[axis]!;
  const axes = someAxes(draw, shape.length);
  const [name, run] = draw.pick<[string, FuzzCase['run']]>([
    ['tile', (t) => tf.tile(t!, reps)],
    ['pad', (t) => tf.pad(t!, paddings, 2)],
    ['reverse', (t) => tf.reverse(t!, axes)],
    ['split', (t) => tf.split(t!, parts, axis)],
    ['unstack', (t) => tf.unstack(t!, axis)],
    [
      'stridedSlice',
      (t) =>
        tf.stridedSlice(
          t!,
          shape.map(() => 0),
          shape,
          shape.map(() => 1),
        ),
    ],
  ]);
  return { name, inputs: [x], tolerance: EXACT, run };
};

const gathering: Maker = (draw) => {
  const shape = draw.shape(1, 4, 7);
  const axis = draw.int(0, shape.length - 1);
  const batchDims = draw.int(0, Math.min(axis, 1));
  const indexShape = [...shape.slice(0, batchDims), ...draw.shape(batchDims === 0 ? 0 : 1, 2, 6)];
  const x = draw.pick([
    () => floats(draw, shape),
    () => ints(draw, shape, -9, 9),
    () => bools(draw, shape),
  ])();
  const indices = ints(draw, indexShape, 0, shape[axis]! - 1);
  return {
    name: `gather ${axis} ${batchDims}`,
    inputs: [x, indices],
    tolerance: EXACT,
    run: (t, i) => tf.gather(t!, i as tf.Tensor1D, axis, batchDims),
  };
};

const segments: Maker = (draw) => {
  const n = draw.int(1, 40);
  const count = draw.int(1, 9);
  const x = floats(draw, [n, ...draw.shape(0, 2, 20)]);
  const ids = ints(draw, [n], 0, count - 1);
  return {
    name: 'segmentSum',
    inputs: [x, ids],
    tolerance: SUM,
    run: (t, i) => tf.unsortedSegmentSum(t!, i as tf.Tensor1D, count),
  };
};

const rows: Maker = (draw) => {
  const shape = [...draw.shape(0, 3, 6), draw.pick([1, 2, 3, 7, draw.int(2, 60), draw.int(60, 300)])];
  const last = shape[shape.length - 1]!;
  const axis = draw.int(0, shape.length - 1);
  const k = draw.int(1, last);
  const [exclusive, reverse] = [draw.next() < 0.5, draw.next() < 0.5];
  const [name, tolerance, run] = draw.pick<[string, number, FuzzCase['run']]>([
    ['softmax', SUM, (x) => tf.softmax(x!)],
    ['logSoftmax', SUM, (x) => tf.logSoftmax(x!)],
    ['logSumExp', SUM, (x) => tf.logSumExp(x!, axis)],
    ['argMax', EXACT, (x) => tf.argMax(x!, axis)],
    ['topk', EXACT, (x) => Object.values(tf.topk(x!, k)) as tf.Tensor[]],
    ['cumsum', SUM, (x) => tf.cumsum(x!, axis, exclusive, reverse)],
  ]);
  return { name, inputs: [floats(draw, shape, 4)], tolerance, run };
};

const making: Maker = (draw) => {
  const shape = draw.shape(0, 3, 9);
  const x = draw.pick([
    () => floats(draw, shape, 3),
    () => ints(draw, shape, -3, 9),
    () => bools(draw, shape),
  ])();
  const type = draw.pick(['float32', 'int32', 'bool'] as const);
  const depth = draw.int(2, 9);
  const [name, run] = draw.pick<[string, FuzzCase['run']]>([
    [`cast ${type}`, (t) => tf.cast(t!, type)],
    ['cast then mul', (t) => tf.mul(tf.cast(t!, 'float32'), 0.5)],
    ['fill', () => tf.fill(shape, 2.5)],
    ['zerosLike', (t) => tf.zerosLike(t!)],
    ['onesLike', (t) => tf.onesLike(t!)],
    ['oneHot', (t) => tf.oneHot(tf.cast(t!, 'int32'), depth, 1, 0, 'float32')],
    ['addN', (t) => tf.addN([1, 2, 3].map((s) => tf.add(tf.cast(t!, 'float32'), s)))],
  ]);
  return { name, inputs: [x], tolerance: EXACT, run };
};

const batchNorm: Maker = (draw) => {
  const shape = draw.shape(1, 4, 7);
  const perChannel = draw.next() < 0.5;
  const statistic = perChannel ? shape.slice(-1) : shape;
  const [offset, scale] = [draw.next() < 0.5, draw.next() < 0.5];
  return {
    name: 'batchNorm',
    inputs: [floats(draw, shape, 3), ...[1, 2, 3, 4].map(() => floats(draw, statistic))],
    tolerance: SUM,
    run: (x, mean, variance, o, s) =>
      tf.engine().runKernel(
        'FusedBatchNorm',
        {
          x: x!,
          mean: mean!,
          variance: tf.square(variance!),
          ...(offset && { offset: o! }),
          ...(scale && { scale: s! }),
        },
        { varianceEpsilon: 0.001 },
      ),
  };
};

const fusedMatMul: Maker = (draw) => {
  const [m, k, n] = [draw.int(1, 20), draw.int(1, 20), draw.int(1, 20)];
  const activation = draw.pick(['linear', 'relu', 'relu6', 'elu', 'sigmoid', 'leakyrelu'] as const);
  return {
    name: `fused.matMul ${activation}`,
    inputs: [floats(draw, [m, k]), floats(draw, [k, n]), floats(draw, [n])],
    tolerance: SUM,
    run: (a, b, bias) => tf.fused.matMul({ a: a!, b: b!, bias: bias!, activation }),
  };
};

/** Gradients through a small network: broadcasts, softmax, gather, slices, transposes. */
const gradients: Maker = (draw) => {
  const [tokens, d, vocab] = [draw.int(1, 12), draw.int(2, 20), draw.int(2, 30)];
  const inputs = [
    floats(draw, [vocab, d]),
    floats(draw, [d, d]),
    floats(draw, [d]),
    ints(draw, [tokens], 0, vocab - 1),
  ];
  return {
    name: 'gradients',
    inputs,
    tolerance: SUM,
    run: (table, weight, gain, ids) => {
      const loss = (t: tf.Tensor, w: tf.Tensor, g: tf.Tensor): tf.Scalar => {
        const x = tf.gather(t, ids as tf.Tensor1D);
        const inverse = tf.rsqrt(tf.add(tf.mean(tf.square(x), -1, true), 1e-5));
        const h = tf.tanh(tf.matMul(tf.mul(tf.mul(x, inverse), g), w));
        const logits = tf.matMul(tf.concat([h, tf.slice(h, [0, 0])], 0), t, false, true);
        return tf.neg(tf.mean(tf.logSoftmax(logits))) as tf.Scalar;
      };
      return tf.grads(loss)([table!, weight!, gain!]);
    },
  };
};

const makers: readonly Maker[] = [
  matMul,
  matMul,
  binary,
  binary,
  binary,
  logical,
  where,
  unary,
  unary,
  reduction,
  reduction,
  transposition,
  slicing,
  joining,
  rearranging,
  rearranging,
  gathering,
  segments,
  rows,
  rows,
  making,
  fusedMatMul,
  batchNorm,
  gradients,
];

/** `count` random cases, all kinds in turn. */
export function fuzzCases(draw: Draw, count: number): FuzzCase[] {
  return Array.from({ length: count }, (_, i) => makers[i % makers.length]!(draw));
}
