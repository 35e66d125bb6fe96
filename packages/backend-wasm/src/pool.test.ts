import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { selectBackend } from '@moect/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { afterEach, expect, test } from 'vitest';
import type { MoectWasmBackend } from './backend.ts';
import { OP } from './generated/wasm-ops.ts';
import { wasmThread } from './generated/wasm-thread.ts';
import { layout } from './layout.ts';
import type { ThreadStart } from './start-thread.ts';
import { startWasm } from './test-support.ts';

afterEach(() => tf.setBackend('cpu'));

let workers: Worker[] = [];
/** Addresses of the workers' scratch memory. */
let scratches: number[] = [];

/** Starts the backend and records its worker threads. */
async function startWatched(threads: number): Promise<MoectWasmBackend> {
  workers = [];
  scratches = [];
  // other options than before, so that the backend starts anew
  await startWasm({ threads: 1 });
  const createWorker = (): never => {
    const worker = new Worker(wasmThread, { eval: true, execArgv: [] });
    workers.push(worker);
    const post = worker.postMessage.bind(worker);
    worker.postMessage = (start: ThreadStart) => {
      scratches.push(start.scratch);
      post(start);
    };
    return worker as never;
  };
  const backend = await startWasm({ threads, createWorker });
  backend.runtime.minSharedWork = 0;
  return backend;
}

const exited = (worker: Worker): Promise<void> =>
  new Promise((resolve) => worker.once('exit', () => resolve()));

async function product(): Promise<number> {
  const sum = tf.tidy(() => tf.sum(tf.matMul(tf.ones([200, 32]), tf.ones([32, 48]))));
  const [value] = await sum.data();
  sum.dispose();
  return value!;
}

test('every thread does a part of the work', async () => {
  const { runtime } = await startWatched(3);
  // a thread packs panels of a product into its own scratch, which is zero before
  const worked = (): boolean[] =>
    scratches.map((at) =>
      runtime
        .f32()
        .subarray(at >>> 2, (at >>> 2) + 64)
        .some((x) => x !== 0),
    );
  expect(worked()).toEqual([false, false]);
  const [a, b] = [tf.ones([1024, 256]), tf.ones([256, 256])] as [tf.Tensor2D, tf.Tensor2D];
  for (let i = 0; i < 2000 && worked().includes(false); i++) tf.matMul(a, b).dispose();
  expect(worked()).toEqual([true, true]);
  tf.dispose([a, b]);
}, 60_000);

test('a thread that dies while it waits costs nothing but its speed', async () => {
  const { runtime } = await startWatched(3);
  expect(runtime.threads).toBe(3);
  expect(await product()).toBe(200 * 32 * 48);
  const gone = exited(workers[0]!);
  void workers[0]!.terminate();
  // whether or not the thread is still there
  for (let i = 0; i < 50; i++) expect(await product()).toBe(200 * 32 * 48);
  await gone;
  expect(runtime.threads).toBe(2);
  await Promise.all([exited(workers[1]!), workers[1]!.terminate()]);
  expect(runtime.threads).toBe(1);
  expect(await product()).toBe(200 * 32 * 48);
});

/** A thread that takes one chunk of the next operation and dies with it. */
const robber = `
const { parentPort, workerData: { memory, finished, queue, slots, slotBytes } } = require('node:worker_threads');
const words = new Int32Array(memory.buffer);
const tickets = new BigInt64Array(memory.buffer);
parentPort.postMessage('ready');
for (let hasOne = false; !hasOne;) {
  const number = Atomics.load(words, finished >> 2);
  const at = (queue + (number & (slots - 1)) * slotBytes) >> 3;
  const ticket = Atomics.load(tickets, at);
  const left = Number(BigInt.asUintN(32, ticket) >> 16n);
  hasOne = Number(ticket >> 32n) === number && left > 0 && Atomics.compareExchange(tickets, at, ticket, ticket - 65536n) === ticket;
}
`;

test('a thread that dies with its chunk is an error that names the operation, not a hang', async () => {
  const { runtime } = await startWatched(2);
  runtime.pool!.deadlineMs = 300;
  const { memory } = runtime.allocator;
  const thief = new Worker(robber, { eval: true, execArgv: [], workerData: { memory, ...layout } });
  await new Promise((resolve) => thief.once('message', resolve));
  const block = runtime.allocator.alloc(4 << 24);
  const fill = (): void => {
    for (let i = 0; i < 100; i++) runtime.dispatch(OP.FILL_WORDS, [block, 1 << 24, 1], 64);
  };
  expect(fill).toThrow(/FILL_WORDS.*no sign for 0.3 s.*checkpoint/);
  // the lost chunk stays undone, so that nothing more is computed from its values
  expect(fill).toThrow(/FILL_WORDS/);
  runtime.allocator.release(block, 4 << 24);
}, 60_000);

test('a thread that does not start leaves one thread and says why', async () => {
  await startWasm({ threads: 1 });
  const createWorker = (): never => new Worker('throw new Error("not today")', { eval: true }) as never;
  const info = await selectBackend('wasm', { threads: 3, createWorker });
  expect(info).toMatchObject({
    name: 'wasm',
    threads: 1,
    detail: expect.stringMatching(/1 thread \(worker threads did not start: not today\)/),
  });
  expect(await product()).toBe(200 * 32 * 48);
});

test('idle threads use no processor time and end with the backend', async () => {
  await startWatched(3);
  await product();
  // time of this process, all threads included; collecting garbage is part of it
  await new Promise((resolve) => setTimeout(resolve, 100));
  const before = process.cpuUsage();
  await new Promise((resolve) => setTimeout(resolve, 500));
  const { user, system } = process.cpuUsage(before);
  expect((user + system) / 1000).toBeLessThan(100);
  const gone = Promise.all(workers.map(exited));
  // another number of threads ends the earlier threads
  await startWasm({ threads: 1 });
  await gone;
});

test('many more threads than cores do the same', async () => {
  const { runtime } = await startWatched(16);
  expect(runtime.threads).toBe(16);
  for (let i = 0; i < 100; i++) expect(await product()).toBe(200 * 32 * 48);
}, 60_000);

test.each(['', 'process.exit(0);'])(
  'a program with threads ends by itself %s',
  (end) => {
    const entry = fileURLToPath(new URL('../../tensor/src/index.ts', import.meta.url));
    const code = `import { ones, matMul, selectBackend } from ${JSON.stringify(entry)};
    const { threads } = await selectBackend('auto', { threads: 2 });
    await matMul(ones([400, 400]), ones([400, 400])).data();
    console.log(threads);${end}`;
    const args = ['--conditions=@moect/source', '--import', 'tsx', '--input-type=module', '-e', code];
    const { status, stdout } = spawnSync(process.execPath, args, { timeout: 120_000, encoding: 'utf8' });
    expect({ status, stdout: stdout.trim() }).toEqual({ status: 0, stdout: '2' });
  },
  150_000,
);
