import { parseArgs } from 'node:util';
import { fullCt, type MoeCtConfig, moeCt } from '@moect/experts';
import { createRng, selectBackend } from '@moect/tensor';
import { createGpt } from '../cases/gpt-steps.ts';
import { createLlamaBase, llamaData } from '../cases/llama-30m.ts';
import { stepwise } from '../cases/stepwise.ts';
import { temporaryCache } from '../cases/temporary-cache.ts';
import { moeCtConfig } from '../cases/trainings.ts';
import { Recorder, type Segment } from './recorder.ts';
import { byLabel, quietStep, report } from './summary.ts';

const { values: flags } = parseArgs({
  options: {
    case: { type: 'string', default: 'gpt' },
    steps: { type: 'string', default: '6' },
    threads: { type: 'string', default: '1' },
    settings: { type: 'string', default: '{}' },
    help: { type: 'boolean' },
  },
});

const cases = [
  'gpt',
  'llama-ct',
  'llama-moe-ct',
  'llama-moe-ct-bottleneck',
  'llama-moe-ct-top',
  'llama-moe-ct-top-cached',
  'llama-moe-ct-mixture',
];
if (flags.help || !cases.includes(flags.case)) {
  console.log(
    `npm run profile --workspace bench -- [--case NAME] [--steps N] [--threads N] [--settings JSON]
Time per operation in one training step, each at its shortest over the steps (1 thread: processor time; more: wall).
Cases: ${cases.join(', ')}
--settings changes settings of the method, for instance '{"numExperts":32}'.`,
  );
  process.exit(flags.help ? 0 : 1);
}

/** Settings of the benchmark's case of that name. */
const top = moeCtConfig('moe-ct-top');
/** Settings of docs/method.md §4 and §5: expert width 1/8 of the base's; a pack that is always on. */
const settings: Readonly<Record<string, object>> = {
  'llama-moe-ct-bottleneck': { expert: { type: 'swiglu', size: 172, init: 'zero-down' } },
  'llama-moe-ct-top': top,
  'llama-moe-ct-top-cached': top,
  'llama-moe-ct-mixture': { fusion: { type: 'always-on' }, attentionRank: 16 },
};

const threads = Number(flags.threads);
const processorTime = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};
const recorder = new Recorder(threads === 1 ? processorTime : () => performance.now());
await selectBackend('wasm', { threads });
recorder.watchWasm();
const steps: Segment[][] = [];
const count = Number(flags.steps);

/** Steps of the case on the backend that was selected. */
async function createSteps(): Promise<{ step(): Promise<number> }> {
  if (flags.case === 'gpt') return createGpt();
  const base = createLlamaBase();
  const chosen: Partial<MoeCtConfig> = { ...settings[flags.case], ...JSON.parse(flags.settings) };
  const rng = createRng(3);
  const extension =
    flags.case === 'llama-ct' ? fullCt().attach(base, {}, rng) : moeCt().attach(base, chosen, rng);
  const isCached = flags.case === 'llama-moe-ct-top-cached';
  return stepwise(base, extension, llamaData(), isCached ? await temporaryCache(base, extension) : undefined);
}

const { step } = await createSteps();
recorder.take();
for (let i = 0; i <= count; i++) {
  await step();
  steps.push(recorder.take());
}
console.log(`\n${flags.case}, ${threads} thread(s), ${count} steps`);
// the first step builds tables and warms up
console.log(report(byLabel(quietStep(steps.slice(1)))));
