import { availableParallelism } from 'node:os';
import { InvalidConfigError } from '@moect/core';
import { threadCount } from '@moect/kernels/host';
import * as tf from '@tensorflow/tfjs-core';
import { afterEach, expect, test, vi } from 'vitest';
import { fuzzCases } from './fuzz.test-support.ts';
import { OP } from './generated/wasm-ops.ts';
import { registerWasmBackend } from './register.ts';
import { draws, type FuzzCase, floats, ints, runCases, startWasm } from './test-support.ts';

const float = (x: unknown): Float32Array => x as Float32Array;

/** Operations large enough for threads to share, with sizes that divide badly. */
function largeCases(): FuzzCase[] {
  const draw = draws(77);
  const x = floats(draw, [513, 131]);
  const y = floats(draw, [131, 517]);
  const ids = ints(draw, [2000], 0, 512);
  const make = (name: string, run: FuzzCase['run'], ...inputs: FuzzCase['inputs']): FuzzCase => ({
    name,
    inputs,
    run,
    tolerance: 0,
  });
  return [
    make('product', (a, b) => tf.matMul(a!, b!), x, y),
    make('product TN', (a, b) => tf.matMul(a!, b!, true), x, floats(draw, [513, 300])),
    make('few rows', (a, b) => tf.matMul(tf.slice(a!, [0, 0], [5, 131]), b!), x, y),
    make(
      'batch',
      (a, b) => tf.matMul(a!, b!, false, true),
      floats(draw, [9, 70, 33]),
      floats(draw, [9, 65, 33]),
    ),
    make('exp', (a) => tf.exp(a!), x),
    make('broadcast', (a, b) => tf.mul(a!, b!), x, floats(draw, [513, 1])),
    make('row sums', (a) => tf.sum(a!, 1), x),
    make('column sums', (a) => tf.sum(a!, 0), x),
    make('whole sum', (a) => tf.sum(tf.matMul(a!, a!, false, true)), x),
    make('softmax', (a) => tf.softmax(a!), x),
    make('transpose', (a) => tf.transpose(a!), x),
    make('gather', (a, i) => tf.gather(a!, i as tf.Tensor1D), x, ids),
    make(
      'scatter',
      (a, i) => tf.unsortedSegmentSum(tf.gather(a!, i as tf.Tensor1D), i as tf.Tensor1D, 513),
      x,
      ids,
    ),
  ];
}

afterEach(() => tf.setBackend('cpu'));

test('1, 2, 3 and 5 threads give the same bits', async () => {
  const cases = [...largeCases(), ...fuzzCases(draws(11), 138)];
  const results = [];
  for (const threads of [1, 2, 3, 5]) {
    const backend = await startWasm({ threads });
    expect(backend.runtime.threads).toBe(threads);
    // every operation goes through the pool, however small
    backend.runtime.minSharedWork = 0;
    results.push(runCases(cases));
  }
  const [alone, ...others] = results;
  const different: string[] = [];
  for (const [i, { name }] of cases.entries()) {
    for (const [j, output] of alone![i]!.entries()) {
      for (const [t, other] of others.entries()) {
        const same = Buffer.from(output.values.buffer).equals(Buffer.from(other[i]![j]!.values.buffer));
        if (!same) different.push(`${name}, ${[2, 3, 5][t]} threads`);
      }
    }
  }
  expect(different).toEqual([]);
}, 150_000);

test('a trap in a chunk becomes an error, on whatever thread it happens, and the next operation works', async () => {
  const { runtime } = await startWasm({ threads: 3 });
  const beyond = 0xffffff00;
  const run = (op: number, args: number[], chunks: number): void => {
    runtime.dispatch(op, args, chunks);
    runtime.synchronize();
  };
  for (let i = 0; i < 20; i++) {
    expect(() => run(OP.FILL_WORDS, [beyond, 1 << 20, 1], 16)).toThrow(/FILL_WORDS trapped/);
    expect(() => run(OP.FILL_WORDS, [beyond, 1 << 20, 1], 1)).toThrow(/FILL_WORDS trapped/);
    expect(() => run(127, [], 16)).toThrow(/127 trapped/);
  }
  runtime.minSharedWork = 0;
  const sum = tf.tidy(() => tf.sum(tf.matMul(tf.ones([64, 32]), tf.ones([32, 48]))));
  expect(float(await sum.data())[0]).toBe(64 * 32 * 48);
  sum.dispose();
});

test('operations go on while JavaScript does, and a trap is an error of a later one, at the latest of a look at values', async () => {
  const { runtime } = await startWasm({ threads: 3 });
  const words = 1 << 24;
  const block = runtime.allocator.alloc(4 * words);
  // every read of the heap waits
  for (const value of [1, 2, 3]) {
    runtime.dispatch(OP.FILL_WORDS, [block, words, value], 64);
    const at = block >>> 2;
    expect(
      runtime
        .i32()
        .subarray(at, at + words)
        .every((word) => word === value),
    ).toBe(true);
  }
  const last = (): number => runtime.i32()[(block >>> 2) + words - 1]!;
  const fill = (value: number): void => runtime.dispatch(OP.FILL_WORDS, [block, words, value], 64);
  const trapLater = (): void => {
    runtime.dispatch(OP.FILL_WORDS, [0xffffff00, 1 << 20, 1], 16);
    fill(4);
    last();
  };
  expect(trapLater).toThrow(/FILL_WORDS trapped/);
  // operations queued behind it were skipped
  expect(last()).toBe(3);
  // many more than the queue holds
  const trapInLongQueue = (): void => {
    runtime.dispatch(OP.FILL_WORDS, [0xffffff00, 1 << 20, 1], 16);
    for (let i = 0; i < 200; i++) fill(4);
  };
  expect(trapInLongQueue).toThrow(/FILL_WORDS trapped/);
  fill(5);
  expect(last()).toBe(5);
  runtime.allocator.release(block, 4 * words);
});

test('values written while operations are under way arrive behind them, and stay what they were then', async () => {
  const { runtime } = await startWasm({ threads: 3 });
  const words = 1 << 16;
  const block = runtime.allocator.alloc(4 * words);
  const values = new Int32Array(1000);
  // 40 times 4,000 bytes: more than the staging memory holds
  for (let round = 1; round <= 40; round++) {
    for (let i = 0; i < 3; i++) runtime.dispatch(OP.FILL_WORDS, [block, words, -round], 64);
    values.fill(round);
    runtime.store(block + 400, values);
    values.fill(0);
    runtime.dispatch(OP.FILL_WORDS, [block + 800, 10, round + 1], 1);
  }
  const seen = runtime.i32().slice(block >>> 2, (block >>> 2) + words);
  const expected = new Int32Array(words).fill(-40).fill(40, 100, 1100).fill(41, 200, 210);
  expect(Buffer.from(seen.buffer).equals(Buffer.from(expected.buffer))).toBe(true);
  // first too large for staging, then with no operation pending
  const large = new Int32Array(words).fill(7);
  runtime.dispatch(OP.FILL_WORDS, [block, words, 8], 64);
  runtime.store(block, large);
  expect(runtime.i32()[(block >>> 2) + words - 1]).toBe(7);
  runtime.store(block, new Int32Array(1).fill(9));
  expect(runtime.i32()[block >>> 2]).toBe(9);
  runtime.allocator.release(block, 4 * words);
});

test('long chains of operations that nobody waits for give the same bits on any number of threads', async () => {
  const draw = draws(5);
  const x = floats(draw, [96, 64]).values.slice() as Float32Array;
  const chain = async (threads: number): Promise<Buffer> => {
    const { runtime } = await startWasm({ threads });
    runtime.minSharedWork = 0;
    const result = tf.tidy(() => {
      let h: tf.Tensor = tf.tensor(x, [96, 64]);
      // each step frees the tensors of the step before, which may still be pending
      for (let i = 0; i < 300; i++) {
        h = tf.tidy(() => {
          const scores = tf.matMul(h as tf.Tensor2D, h as tf.Tensor2D, false, true);
          return tf.softmax(tf.add(tf.matMul(scores, h as tf.Tensor2D), tf.scalar(i % 7)));
        });
      }
      return h;
    });
    const values = await result.data();
    result.dispose();
    return Buffer.from((values as Float32Array).slice().buffer);
  };
  const [alone, ...others] = [await chain(1), await chain(2), await chain(3), await chain(8)];
  expect(others.map((other) => other.equals(alone!))).toEqual([true, true, true]);
});

test('many more threads than cores keep the order of thousands of operations that nobody waits for', async () => {
  const { runtime } = await startWasm({ threads: 16 });
  const words = 4096;
  const [from, to] = [runtime.allocator.alloc(4 * words), runtime.allocator.alloc(4 * words)];
  for (let round = 0; round < 4; round++) {
    for (let i = 0; i < 2000; i++) {
      runtime.dispatch(OP.FILL_WORDS, [from, words, i], 1 + (i % 40));
      runtime.dispatch(OP.COPY, [from, to, 4, words, 1, words, 4, 4], 1 + ((i * 7) % 33));
    }
    const copied = runtime.i32().subarray(to >>> 2, (to >>> 2) + words);
    expect(copied.every((word) => word === 1999)).toBe(true);
  }
  runtime.allocator.release(from, 4 * words);
  runtime.allocator.release(to, 4 * words);
}, 60_000);

test('thousands of small operations in a row are all right on 3 threads', async () => {
  const { runtime } = await startWasm({ threads: 3 });
  runtime.minSharedWork = 0;
  const x = tf.range(0, 300);
  let wrong = 0;
  for (let i = 0; i < 5000; i++) {
    const y = tf.add(x, i);
    const values = y.dataSync();
    if (values[0] !== i || values[150] !== 150 + i || values[299] !== 299 + i) wrong++;
    y.dispose();
  }
  x.dispose();
  expect(wrong).toBe(0);
});

test('threads must be a whole number from 1 to 64', async () => {
  await expect(registerWasmBackend({ threads: 0 })).rejects.toThrow(InvalidConfigError);
  await expect(registerWasmBackend({ threads: 1.5 })).rejects.toThrow(/threads/);
});

test('all cores are the default, MOECT_THREADS says otherwise, an option beats both', () => {
  vi.stubEnv('MOECT_THREADS', '');
  // a container's share of the machine may be less
  expect(threadCount(undefined)).toBeLessThanOrEqual(Math.min(16, availableParallelism()));
  expect(threadCount(undefined)).toBeGreaterThanOrEqual(Math.min(2, availableParallelism()));
  expect(threadCount('auto')).toBe(threadCount(undefined));
  vi.stubEnv('MOECT_THREADS', '7');
  expect(threadCount(undefined)).toBe(7);
  expect(threadCount(3)).toBe(3);
  vi.stubEnv('MOECT_THREADS', 'many');
  expect(() => threadCount(undefined)).toThrow(/MOECT_THREADS: is many/);
  vi.unstubAllEnvs();
});
