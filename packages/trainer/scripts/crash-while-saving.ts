// Child process of crash.test.ts: saves steps 1, 2, 3 … of made-up weights. Arguments: the run folder, and the
// boundary of step 2 at which it kills itself ('never' saves on until somebody else kills it).
import type { HostTensor } from '@moect/safetensors';
import { writeCheckpoint } from '../src/checkpoint/write-checkpoint.ts';
import type { RunState } from '../src/loop/run-state.ts';

const [runFolder, crashAt] = process.argv.slice(2) as [string, string];

function tensors(prefix: string, step: number): Map<string, HostTensor> {
  const data = new Float32Array(200_000).fill(step);
  return new Map(['a', 'b'].map((name) => [`${prefix}${name}`, { shape: [400, 500], data }]));
}

function stateOf(step: number): RunState {
  const run = {
    method: 'ct',
    methodConfig: {},
    base: null,
    dataFingerprint: 'none',
    languages: [],
    seed: 0,
    gradientAccumulation: 1,
    maxGradNorm: 1,
    optimizer: { name: 'adamw', settings: null },
    schedule: null,
  };
  const counters = { batchCounter: step, tokensSeen: step, lastEvaluation: 0 };
  return {
    schema: 'moect-checkpoint/1',
    step,
    totalSteps: 9,
    ...counters,
    stopped: false,
    callbacks: {},
    run,
  };
}

for (let step = 1; crashAt === 'never' || step <= 2; step++) {
  const snapshot = {
    state: stateOf(step),
    parameters: tensors('', step),
    optimizer: tensors('exp_avg.', step),
  };
  await writeCheckpoint(runFolder, snapshot, (boundary) => {
    if (step === 2) process.stdout.write(`${boundary}\n`);
    // what a power cut or kill -9 does: no handler runs, nothing is cleaned up
    if (step === 2 && boundary === crashAt) process.kill(process.pid, 'SIGKILL');
  });
  if (step === 1) process.stdout.write('ready\n');
}
