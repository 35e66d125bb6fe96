import { stat } from 'node:fs/promises';
import path from 'node:path';
import type { Document, DocumentScore, LanguageRole, Scorer } from '@moect/core';
import {
  assertMixtureBound,
  compareLogits,
  createMixtureScorer,
  createScorer,
  measureGates,
  posteriorCurves,
  scoreMixture,
} from '@moect/eval';
import { knownLanguage } from '@moect/experts';
import { digestParameters } from '@moect/freeze';
import { type Base, generate, openBase, type Pack, type TrainedPack, train } from 'moect';
import { type DemoText, measuredDocuments, readDemoText } from './demo-text.ts';
import type { Job, JobMessage, JobResult, KnownResult, Sample, StepRecord } from './job.ts';
import { METHOD_RUNS, type MethodRun, TRAINING } from './method-runs.ts';

const BASE_FOLDER = new URL('../base/', import.meta.url).pathname;

const send = (message: JobMessage): void => {
  process.send?.(message);
};

/** Common inputs of all stages of a job. */
interface Work {
  readonly job: Job;
  readonly base: Base;
  readonly text: DemoText;
  readonly documents: readonly Document[];
}

/** Scores documents and reports progress to the parent. */
async function score(
  work: Work,
  phase: string,
  options: { readonly pack?: Pack; readonly gateThreshold?: number | null },
): Promise<DocumentScore[]> {
  const { pack, ...threshold } = options;
  const scorer = createScorer({
    name: work.job.method,
    base: work.base.model,
    tokenizer: work.base.tokenizer,
    maxLength: TRAINING.sequenceLength,
    ...threshold,
    ...(pack && { extension: pack.extension }),
    onProgress: (done, total) => send({ kind: 'progress', phase, done, total }),
  });
  return scorer.score(work.documents);
}

type TextOf<T> = (language: T) => readonly Document[];

/** Documents by language code. */
function byCode<T extends { readonly code: string }>(languages: readonly T[], textOf: TextOf<T>) {
  return Object.fromEntries(languages.map((language) => [language.code, textOf(language)]));
}

interface Timed {
  readonly pack: TrainedPack;
  readonly steps: readonly StepRecord[];
  /** Duration of the steps alone. */
  readonly seconds: number;
}

/** Trains a pack on the articles of the new languages, with a share of old text if the method uses replay. */
async function trainPack({ job, base, text }: Work, run: MethodRun): Promise<Timed> {
  const { batchSize, sequenceLength } = TRAINING;
  const totalSteps = Math.round(job.tokens / (batchSize * sequenceLength));
  const { training } = base.moect.preset(run.preset);
  const steps: StepRecord[] = [];
  let [start, end] = [0, 0];
  const pack = await train(base, {
    preset: run.preset,
    method: { ...run.config, ...job.config },
    languages: byCode(text.new, ({ train }) => train),
    replay: byCode(text.old, ({ replay }) => replay),
    replayShare: training.replayShare,
    data: { sequenceLength, endOfDocument: false, heldOut: 0 },
    training: {
      steps: totalSteps,
      batchSize,
      learningRate: job.learningRate ?? run.learningRate,
      seed: job.seed,
    },
    extension: { dtype: 'bf16', license: 'CC0-1.0' },
    callbacks: [
      {
        contract: 'callback/1',
        name: 'demo',
        onStart: () => {
          start = performance.now();
        },
        onEnd: () => {
          end = performance.now();
        },
        onStep: ({ step, lossByLanguage }) => {
          steps.push({ step, lossByLanguage });
          send({ kind: 'progress', phase: 'training', done: step, total: totalSteps });
        },
      },
    ],
  });
  return { pack, steps, seconds: (end - start) / 1000 };
}

/** Continues the first words of one document of each language greedily. */
async function continuations(work: Work, run: MethodRun | null, pack: Pack | null): Promise<Sample[]> {
  const { base, text } = work;
  const sources: [string, LanguageRole, Document][] = [
    ...text.old.map(({ code, heldOut }) => [code, 'old', heldOut[0]!] as [string, LanguageRole, Document]),
    ...text.new.map(({ code, test }) => [code, 'new', test[0]!] as [string, LanguageRole, Document]),
  ];
  const samples: Sample[] = [];
  for (const [language, role, document] of sources) {
    const prompt = [...document.text].slice(0, 48).join('');
    const used = pack === null || run === null ? {} : { packs: [pack], combine: run.combine };
    let continuation = '';
    for await (const piece of generate(base, { ...used, prompt, maxNewTokens: 32 })) continuation += piece;
    samples.push({ language, role, prompt, continuation });
  }
  return samples;
}

async function savedBytes({ job }: Work, pack: Pack): Promise<number | null> {
  if (job.packFolder === null) return null;
  await pack.save(job.packFolder);
  return (await stat(path.join(job.packFolder, 'moect_model.safetensors'))).size;
}

/** Scores each document under the member that `known` chooses: the pack for new languages, else the base. */
async function measureKnown(
  { base, text, documents }: Work,
  scores: { readonly base: readonly DocumentScore[]; readonly pack: readonly DocumentScore[] },
): Promise<KnownResult> {
  const forPack = text.new.map(({ code }) => code);
  const others = documents.map(({ language }) => language).filter((code) => !forPack.includes(code));
  const fixed = (given: readonly DocumentScore[]): Scorer => ({
    name: 'pack',
    score: async () => [...given],
  });
  const scorer = createMixtureScorer({
    members: [
      { scorer: fixed(scores.base), languages: [...new Set(others)] },
      { scorer: fixed(scores.pack), languages: forPack },
    ],
    combination: knownLanguage(),
  });
  const mixed = await scorer.score(documents);
  return {
    scores: mixed.map(({ basePosterior: _, ...rest }) => rest),
    oldLogits: await compareLogits({
      base: base.model,
      reference: (await openBase(BASE_FOLDER)).model,
      tokenizer: base.tokenizer,
      documents: text.old.flatMap(({ heldOut }) => heldOut),
      maxLength: TRAINING.sequenceLength,
    }),
  };
}

/** Scores and inspections of a trained pack. */
async function measure(
  work: Work,
  run: MethodRun,
  pack: Pack,
): Promise<Partial<JobResult> & Pick<JobResult, 'scores'>> {
  const { base, text, job } = work;
  const threshold = run.gateThreshold === null ? {} : { gateThreshold: run.gateThreshold };
  const alone = await score(work, 'scoring', { pack, ...threshold });
  if (job.on === 'dev') return { scores: alone };
  const inspection = {
    base: base.model,
    extension: pack.extension,
    tokenizer: base.tokenizer,
    maxLength: TRAINING.sequenceLength,
    ...threshold,
  };
  const old = text.old.flatMap(({ heldOut }) => heldOut);
  const shared = {
    oldLogits: await compareLogits({ ...inspection, documents: old }),
    samples: await continuations(work, run, pack),
    packBytes: await savedBytes(work, pack),
  };
  if (run.combine === 'mixture') {
    const before = await score(work, 'scoring base', {});
    const mixed = scoreMixture([before, alone], [TRAINING.basePrior, 1 - TRAINING.basePrior]);
    return {
      ...shared,
      scores: mixed.map(({ basePosterior: _, ...rest }) => rest),
      packScores: alone,
      known: await measureKnown(work, { base: before, pack: alone }),
      mixtureBound: assertMixtureBound(mixed, before, TRAINING.basePrior),
      posterior: posteriorCurves(mixed),
    };
  }
  const hasGate = run.preset.startsWith('moe-ct');
  return {
    ...shared,
    scores: alone,
    scoresWithoutThreshold:
      run.gateThreshold === null
        ? null
        : await score(work, 'scoring without threshold', { pack, gateThreshold: null }),
    routing: hasGate ? await measureGates({ ...inspection, documents: work.documents }) : null,
  };
}

const nothing = {
  trainableParameters: 0,
  trainedTokens: 0,
  trainedTokensByLanguage: {},
  trainingSeconds: 0,
  packBytes: null,
  steps: [],
  scoresWithoutThreshold: null,
  packScores: null,
  known: null,
  mixtureBound: null,
  posterior: null,
  routing: null,
  oldLogits: null,
  samples: [],
};

async function trainAndMeasure(
  work: Work,
  run: MethodRun,
): Promise<Partial<JobResult> & Pick<JobResult, 'scores'>> {
  const { pack, steps, seconds } = await trainPack(work, run);
  const { languages, tokens } = pack.info.training!;
  return {
    steps,
    trainedTokens: tokens,
    trainedTokensByLanguage: Object.fromEntries(languages.map((l) => [l.code, l.trainedTokens])),
    trainingSeconds: seconds,
    trainableParameters: pack.info.parameters,
    ...(await measure(work, run, pack)),
  };
}

async function work(job: Job): Promise<JobResult> {
  const start = performance.now();
  const base = await openBase(BASE_FOLDER, { storage: job.baseStorage, backend: 'wasm', threads: 1 });
  const before = await base.heldSha256();
  const text = await readDemoText();
  const all: Work = { job, base, text, documents: measuredDocuments(text, job.on) };
  const run = METHOD_RUNS.find(({ name }) => name === job.method) ?? null;
  const measured =
    run === null
      ? { scores: await score(all, 'scoring', {}), samples: await continuations(all, null, null) }
      : await trainAndMeasure(all, run);
  return {
    ...nothing,
    ...measured,
    job,
    baseSha256: { before, after: await digestParameters(base.model.parameters) },
    backend: base.backend,
    baseParameters: base.parameterCount,
    seconds: (performance.now() - start) / 1000,
    peakRssBytes: process.resourceUsage().maxRSS * 1024,
  };
}

process.once('message', async (job: Job) => {
  let last: JobMessage;
  try {
    last = { kind: 'result', result: await work(job) };
  } catch (error) {
    last = {
      kind: 'error',
      message: error instanceof Error ? (error.stack ?? error.message) : String(error),
    };
  }
  // exiting before the message is sent would lose it
  process.send?.(last, () => process.disconnect?.());
});
