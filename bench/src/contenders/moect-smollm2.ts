import { generate } from '@moect/models';
import { type Base, evaluate, openBase, train } from 'moect';
import { pausedSteps } from '../cases/paused-steps.ts';
import {
  askedModel,
  SMOLLM2_GENERATION,
  SMOLLM2_SEQUENCE,
  SMOLLM2_STEP_TOKENS,
  scoredDocuments,
  trainingText,
} from '../cases/smollm2.ts';
import { temporaryFolder } from '../cases/temporary-cache.ts';
import { type Contender, serve } from './serve.ts';
import { wasmHeapBytes } from './wasm-memory.ts';

const { BENCH_PRESET = 'moe-ct-mixture', BENCH_THREADS = '1' } = process.env;

async function generation(base: Base): Promise<number> {
  const { prompt, newTokens } = SMOLLM2_GENERATION;
  const ids = base.tokenizer.encode(prompt);
  const { tokens } = await generate(base.model, [...ids], { maxNewTokens: newTokens, temperature: 0 });
  return tokens.reduce((sum, id) => sum + id, 0);
}

async function scoring(base: Base): Promise<number> {
  const { languages } = await evaluate(base, { eng_Latn: scoredDocuments() });
  return languages[0]!.bitsPerByte;
}

/** `train` as users call it, paused by a callback before each optimizer step. */
function training(base: Base, isCached: boolean): () => Promise<number> {
  const paused = pausedSteps();
  let tokensAStep = SMOLLM2_STEP_TOKENS;
  const run = train(base, {
    preset: BENCH_PRESET,
    languages: { eng_Latn: [trainingText()] },
    ...(BENCH_PRESET === 'lora-ct' && { replayShare: 0 }),
    data: { heldOut: 0 },
    training: { steps: 100_000, checkpointEvery: 100_000 },
    ...(isCached ? { output: temporaryFolder() } : { cache: false as const }),
    callbacks: [paused.callback],
    onReady: ({ run: { training: resolved, data } }) => {
      tokensAStep = resolved.batchSize * resolved.accumulation * data.sequenceLength;
    },
  });
  return async () => {
    let loss = 0;
    for (let done = 0; done < SMOLLM2_STEP_TOKENS; done += tokensAStep) loss = await paused.next(run);
    return loss;
  };
}

async function create(): Promise<Contender> {
  const base = await openBase(askedModel(), { backend: 'wasm', threads: Number(BENCH_THREADS) });
  const work = process.env['BENCH_WORK'];
  if (work === 'generate') return { wasmHeapBytes, step: () => generation(base) };
  if (work === 'score') return { wasmHeapBytes, step: () => scoring(base) };
  const isCached = process.env['BENCH_CACHED'] === '1';
  const step = training(base, isCached);
  // an epoch, so that what is kept has been computed
  const epoch = isCached ? Math.ceil(trainingText().length / 3 / SMOLLM2_SEQUENCE / 4) : 0;
  for (let i = 0; i < epoch; i++) await step();
  return { wasmHeapBytes, step };
}

serve(create);
