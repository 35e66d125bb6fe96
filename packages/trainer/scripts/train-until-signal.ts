// Child process of crash.test.ts: trains in the folder given until a signal comes.
import { selectBackend } from '@moect/tensor';
import { abortOnSignals } from '../src/checkpoint/abort-on-signals.ts';
import { trainInFolder } from '../src/checkpoint/train-in-folder.ts';
import { adamW } from '../src/optimization/adam-w.ts';
import { constant } from '../src/optimization/schedules.ts';
import { tinyData } from '../src/testing/tiny-data.ts';
import { gatedBranch, tinyModel } from '../src/testing/tiny-model.ts';

await selectBackend('cpu');
const base = tinyModel();
const { signal } = abortOnSignals();
const totalSteps = 1_000_000;
const result = await trainInFolder({
  base,
  extension: gatedBranch(base),
  data: tinyData(),
  totalSteps,
  optimizer: adamW(),
  schedule: constant({ learningRate: 0.001, totalSteps }),
  runFolder: process.argv[2]!,
  resume: true,
  signal,
  callbacks: [
    {
      contract: 'callback/1',
      name: 'ready',
      onStep: ({ step }) => void (step === 3 && process.stdout.write('ready\n')),
    },
  ],
});
process.stdout.write(`${JSON.stringify({ reason: result.reason, step: result.step })}\n`);
