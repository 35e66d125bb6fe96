// Prints GFLOP/s of the wasm backend's matrix products, best of many runs, one line per shape.
// Usage: node --conditions=@moect/source --import tsx scripts/bench-matmul.ts [threads] [plain]
import * as tf from '@tensorflow/tfjs-core';
import { registerWasmBackend } from '../src/wasm.ts';

const shapes: readonly [m: number, k: number, n: number, kind: 'NN' | 'NT' | 'TN' | 'TT'][] = [
  [1024, 384, 128, 'NN'],
  [1024, 128, 384, 'NT'],
  [128, 1024, 384, 'TN'],
  [384, 1024, 128, 'TT'],
  [1024, 512, 128, 'NN'],
  [128, 32, 128, 'NT'],
  [1024, 512, 2048, 'NT'],
  [1024, 1024, 1024, 'NN'],
  [1, 512, 2048, 'NT'],
  [4, 512, 2048, 'NT'],
];
const threads = Number(process.argv[2] ?? '1');
const info = await registerWasmBackend({ threads, relaxedSimd: process.argv[3] !== 'plain' });
await tf.setBackend(info.name);
process.stdout.write(`${info.threads} thread(s), ${info.relaxedSimd ? 'relaxed' : 'plain'} SIMD\n`);

for (const [m, k, n, kind] of shapes) {
  const a = tf.randomNormal<tf.Rank.R2>(kind[0] === 'T' ? [k, m] : [m, k]);
  const b = tf.randomNormal<tf.Rank.R2>(kind[1] === 'T' ? [n, k] : [k, n]);
  const runs = Math.max(8, Math.min(400, Math.ceil(2e10 / (2 * m * k * n))));
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < runs; i++) {
    const start = performance.now();
    tf.matMul(a, b, kind[0] === 'T', kind[1] === 'T').dispose();
    best = Math.min(best, performance.now() - start);
  }
  const rate = (2 * m * k * n) / best / 1e6;
  process.stdout.write(`${`${m}x${k}x${n} ${kind}`.padEnd(20)} ${rate.toFixed(1).padStart(7)} GFLOP/s\n`);
  tf.dispose([a, b]);
}
