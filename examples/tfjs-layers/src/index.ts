import { createRequire } from 'node:module';
import path from 'node:path';
// the one line that a program needs for our backend
import '@moect/backend-wasm';
import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';
import { BATCH, createTrainer, type Trainer } from './train.ts';
import { LANGUAGES, readWindows } from './windows.ts';

const STEPS = Number(process.argv[2] ?? '40');
const BACKENDS = ['wasm', 'moect-wasm'] as const;

const stock = createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm/package.json');
setWasmPaths(`${path.dirname(stock)}/dist/`);

const windows = await readWindows(BATCH * 100);
const trainers = new Map<string, { trainer: Trainer; milliseconds: number[]; losses: number[] }>();
for (const name of BACKENDS) {
  await tf.setBackend(name);
  trainers.set(name, { trainer: createTrainer(windows), milliseconds: [], losses: [] });
}

// in turn, so that other load on the machine affects both
for (let step = 0; step < STEPS; step++) {
  for (const [name, { trainer, milliseconds, losses }] of trainers) {
    await tf.setBackend(name);
    const result = await trainer.step();
    milliseconds.push(result.milliseconds);
    losses.push(result.loss);
  }
}

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1]!;
const [theirs, ours] = BACKENDS.map((name) => trainers.get(name)!);
console.log(`${LANGUAGES.length} languages, ${BATCH} windows a step, ${STEPS} steps on each backend`);
console.log('step   loss on wasm   loss on moect-wasm');
for (let step = 0; step < STEPS; step += Math.ceil(STEPS / 5)) {
  const [a, b] = [theirs, ours].map((one) => one!.losses[step]!.toFixed(3));
  console.log(`${String(step).padStart(4)}${a!.padStart(15)}${b!.padStart(21)}`);
}
const [slow, fast] = [theirs, ours].map((one) => median(one!.milliseconds.slice(2)));
console.log(`median step: ${slow!.toFixed(1)} ms on wasm, ${fast!.toFixed(1)} ms on moect-wasm`);
console.log(`moect-wasm is ${(slow! / fast!).toFixed(1)} times as fast`);
