// Prints GFLOP/s of the wasm backend's matrix products, one line per shape: by the clock (best run) and by CPU time of
// all threads (median run, multiplied by the threads; also right on a busy machine as long as no thread waits).
// Usage: node --conditions=@moect/source --import tsx scripts/bench-matmul.ts [threads] [plain]
import * as tf from '@tensorflow/tfjs-core';
import { registerWasmBackend } from '../src/index.ts';
import { productCeiling } from './product-ceiling.ts';

type Kind = 'NN' | 'NT' | 'TN' | 'TT';

// forward NT, gradient of the input NN, gradient of the weight TN
const shapes: readonly [m: number, k: number, n: number, kind: Kind][] = [
  [1024, 384, 128, 'NN'],
  [1024, 128, 384, 'NT'],
  [128, 1024, 384, 'TN'],
  [384, 1024, 128, 'TT'],
  [128, 32, 128, 'NT'],
  [1024, 512, 512, 'NT'],
  [1024, 512, 512, 'NN'],
  [512, 1024, 512, 'TN'],
  [1024, 512, 1376, 'NT'],
  [1024, 1376, 512, 'NN'],
  [1376, 1024, 512, 'TN'],
  [1024, 1376, 512, 'NT'],
  [1024, 512, 1376, 'NN'],
  [512, 1024, 1376, 'TN'],
  [1024, 512, 8192, 'NT'],
  [1024, 8192, 512, 'NN'],
  [8192, 1024, 512, 'TN'],
  [1, 512, 2048, 'NT'],
  [4, 512, 2048, 'NT'],
  [16, 512, 2048, 'NT'],
];
const threads = Number(process.argv[2] ?? '1');
const info = await registerWasmBackend({ threads, relaxedSimd: process.argv[3] !== 'plain' });
await tf.setBackend(info.name);
process.stdout.write(`${info.threads} thread(s), ${info.relaxedSimd ? 'relaxed' : 'plain'} SIMD\n`);

for (const [m, k, n, kind] of shapes) {
  const a = tf.randomNormal<tf.Rank.R2>(kind[0] === 'T' ? [k, m] : [m, k]);
  const b = tf.randomNormal<tf.Rank.R2>(kind[1] === 'T' ? [n, k] : [k, n]);
  const flops = 2 * m * k * n;
  // about 3 ms a measurement: the CPU clock is too coarse for one small product
  const repeats = Math.max(1, Math.round(1.5e8 / flops));
  const rounds = Math.max(8, Math.min(60, Math.ceil(2e10 / (flops * repeats))));
  let best = 0;
  const byCpu: number[] = [];
  for (let i = 0; i < rounds; i++) {
    const [start, cpu] = [performance.now(), process.cpuUsage()];
    for (let r = 1; r < repeats; r++) tf.matMul(a, b, kind[0] === 'T', kind[1] === 'T').dispose();
    const last = tf.matMul(a, b, kind[0] === 'T', kind[1] === 'T');
    // an element of the last one is there when all are
    const corner = tf.slice(last, [0, 0], [1, 1]);
    await corner.data();
    tf.dispose([last, corner]);
    best = Math.max(best, (flops * repeats) / (performance.now() - start) / 1e6);
    const { user, system } = process.cpuUsage(cpu);
    byCpu.push((flops * repeats * info.threads) / (user + system) / 1e3);
  }
  const median = byCpu.toSorted((x, y) => x - y)[rounds >> 1]!;
  const name = `${m}x${k}x${n} ${kind}`.padEnd(20);
  process.stdout.write(`${name} ${best.toFixed(1).padStart(7)} GFLOP/s, by CPU time ${median.toFixed(1)}\n`);
  tf.dispose([a, b]);
}
const { gflops, shape } = productCeiling();
process.stdout.write(`ceiling              ${gflops.toFixed(1).padStart(7)} GFLOP/s (${shape.join('x')})\n`);
