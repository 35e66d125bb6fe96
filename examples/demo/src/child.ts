import { rm, stat } from 'node:fs/promises';
import path from 'node:path';
import type { Document, DocumentScore, Extension, LanguageRole, Scorer } from '@moect/core';
import { batchTokens, sha256Hex } from '@moect/data';
import {
  assertMixtureBound,
  compareLogits,
  createMixtureScorer,
  createScorer,
  measureGates,
  posteriorCurves,
  scoreMixture,
} from '@moect/eval';
import { bayesianMixture, knownLanguage } from '@moect/experts';
import { digestParameters } from '@moect/freeze';
import { generateCombined } from '@moect/models';
import { createRng, selectBackend } from '@moect/tensor';
import { adamW, cosine, train } from '@moect/trainer';
import { createMethod, type LoadedBase, loadBase, mergeSettings, presets, saveExtension } from 'moect';
import { type DemoText, measuredDocuments, readDemoText } from './demo-text.ts';
import type { Job, JobMessage, JobResult, KnownResult, Sample, StepRecord } from './job.ts';
import { METHOD_RUNS, type MethodRun, TRAINING } from './method-runs.ts';
import { trainingData } from './training-data.ts';

const BASE_FOLDER = new URL('../base/', import.meta.url).pathname;

const send = (message: JobMessage): void => {
  process.send?.(message);
};

/** Everything that one job works with. */
interface Work {
  readonly job: Job;
  readonly base: LoadedBase;
  readonly text: DemoText;
  readonly documents: readonly Document[];
}

/** Scores documents and tells the parent how far it is. */
async function score(
  work: Work,
  phase: string,
  options: { readonly extension?: Extension; readonly gateThreshold?: number | null },
): Promise<DocumentScore[]> {
  const scorer = createScorer({
    name: work.job.method,
    base: work.base.model,
    tokenizer: work.base.tokenizer,
    maxLength: TRAINING.sequenceLength,
    batchSize: 16,
    ...options,
    onProgress: (done, total) => send({ kind: 'progress', phase, done, total }),
  });
  return scorer.score(work.documents);
}

async function trainExtension(
  work: Work,
  run: MethodRun,
  extension: Extension,
): Promise<Pick<JobResult, 'steps' | 'trainedTokens' | 'trainedTokensByLanguage' | 'trainingSeconds'>> {
  const { job, base, text } = work;
  const preset = presets.find(({ name }) => name === run.preset)!;
  const { replayShare, warmup, finalRate } = preset.training;
  const tokenizerId = sha256Hex(base.identity.sha256);
  const data = await trainingData(text, base.tokenizer, { replayShare, seed: job.seed, tokenizerId });
  const totalSteps = Math.round(job.tokens / (TRAINING.batchSize * TRAINING.sequenceLength));
  const learningRate = job.learningRate ?? run.learningRate;
  const steps: StepRecord[] = [];
  const start = performance.now();
  const result = await train({
    base: base.model,
    extension,
    data,
    totalSteps,
    optimizer: adamW(),
    schedule: cosine({ learningRate, totalSteps, warmupRatio: warmup, minRatio: finalRate }),
    seed: job.seed,
    callbacks: [
      {
        contract: 'callback/1',
        name: 'demo',
        onStep: ({ step, lossByLanguage }) => {
          steps.push({ step, lossByLanguage });
          send({ kind: 'progress', phase: 'training', done: step, total: totalSteps });
        },
      },
    ],
  });
  const trainingSeconds = (performance.now() - start) / 1000;
  const byLanguage: Record<string, number> = {};
  for (let i = 0; i < totalSteps; i++) {
    for (const { code, tokens } of batchTokens(data.batch(i), data.languages)) {
      byLanguage[code] = (byLanguage[code] ?? 0) + tokens;
    }
  }
  return { steps, trainedTokens: result.tokensSeen, trainedTokensByLanguage: byLanguage, trainingSeconds };
}

/** How one document of each kind goes on, greedily, after its first words. */
async function continuations(
  work: Work,
  run: MethodRun | null,
  extension: Extension | null,
): Promise<Sample[]> {
  const { base, text } = work;
  const member = { name: 'base', languages: text.old.map(({ code }) => code), model: base.model };
  const pack = extension && {
    name: run!.name,
    languages: text.new.map(({ code }) => code),
    model: base.model,
    attachments: extension.attachments,
    overrides: extension.overrides,
  };
  const mixes = run?.combine === 'mixture' && pack !== null;
  const sources: [string, LanguageRole, Document][] = [
    ...text.old.map(({ code, heldOut }) => [code, 'old', heldOut[0]!] as [string, LanguageRole, Document]),
    ...text.new.map(({ code, test }) => [code, 'new', test[0]!] as [string, LanguageRole, Document]),
  ];
  const samples: Sample[] = [];
  for (const [language, role, document] of sources) {
    const prompt = [...document.text].slice(0, 48).join('');
    const ids = [base.tokenizer.bosTokenId!, ...base.tokenizer.encode(prompt)];
    const members = mixes ? [member, pack] : [{ ...(pack ?? member), languages: [language] }];
    const combination = mixes ? bayesianMixture({ basePrior: TRAINING.basePrior }) : knownLanguage();
    const options = { maxNewTokens: 32, temperature: 0, language };
    const { tokens } = await generateCombined(members, combination, ids, options);
    samples.push({ language, role, prompt, continuation: base.tokenizer.decode(tokens) });
  }
  return samples;
}

async function packSize(work: Work, run: MethodRun, extension: Extension): Promise<number> {
  const { job, base, text } = work;
  const folder = job.packFolder!;
  const languages = [
    ...text.new.map(({ code }) => ({ code, role: 'new' as const })),
    ...text.old.map(({ code }) => ({ code, role: 'old' as const })),
  ];
  await rm(folder, { recursive: true, force: true });
  const info = {
    base: base.identity,
    languages,
    license: 'CC0-1.0',
    combine: run.combine,
    preset: run.preset,
  };
  await saveExtension(folder, extension, info, { dtype: 'bf16' });
  return (await stat(path.join(folder, 'moect_model.safetensors'))).size;
}

/** Each document under the member that `known` chooses for its language: new languages the pack, all others the base. */
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
      reference: (await loadBase(BASE_FOLDER)).model,
      tokenizer: base.tokenizer,
      documents: text.old.flatMap(({ heldOut }) => heldOut),
      maxLength: TRAINING.sequenceLength,
    }),
  };
}

/** Scores and inspections of a trained extension. */
async function measure(
  work: Work,
  run: MethodRun,
  extension: Extension,
): Promise<Partial<JobResult> & Pick<JobResult, 'scores'>> {
  const { base, text, job } = work;
  const threshold = run.gateThreshold === null ? {} : { gateThreshold: run.gateThreshold };
  const alone = await score(work, 'scoring', { extension, ...threshold });
  if (job.on === 'dev') return { scores: alone };
  const inspection = {
    base: base.model,
    extension,
    tokenizer: base.tokenizer,
    maxLength: TRAINING.sequenceLength,
    ...threshold,
  };
  const old = text.old.flatMap(({ heldOut }) => heldOut);
  const shared = {
    oldLogits: await compareLogits({ ...inspection, documents: old }),
    samples: await continuations(work, run, extension),
    packBytes: job.packFolder === null ? null : await packSize(work, run, extension),
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
        : await score(work, 'scoring without threshold', { extension, gateThreshold: null }),
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

async function work(job: Job): Promise<JobResult> {
  const start = performance.now();
  const backend = await selectBackend('wasm', { threads: 1 });
  const base = await loadBase(BASE_FOLDER, job.baseStorage);
  const text = await readDemoText();
  const all: Work = { job, base, text, documents: measuredDocuments(text, job.on) };
  const run = METHOD_RUNS.find(({ name }) => name === job.method) ?? null;
  let measured: Partial<JobResult> & Pick<JobResult, 'scores'>;
  if (run === null) {
    measured = {
      scores: await score(all, 'scoring', {}),
      samples: await continuations(all, null, null),
    };
  } else {
    const preset = presets.find(({ name }) => name === run.preset)!;
    const settings = mergeSettings(mergeSettings(preset.config, run.config), job.config ?? {});
    const rng = createRng(job.seed).fork('extension');
    const extension = createMethod(preset.method).attach(base.model, settings, rng);
    const trained = await trainExtension(all, run, extension);
    const trainableParameters = [...extension.parameters.values()].reduce((sum, { size }) => sum + size, 0);
    measured = { ...trained, trainableParameters, ...(await measure(all, run, extension)) };
  }
  return {
    ...nothing,
    ...measured,
    job,
    baseSha256: { before: base.heldSha256, after: await digestParameters(base.model.parameters) },
    backend,
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
  // leaving before the message is out would lose it
  process.send?.(last, () => process.disconnect?.());
});
