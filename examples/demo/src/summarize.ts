import type { DocumentScore } from '@moect/core';
import { type Comparison, compare, scoresByLanguage } from '@moect/eval';
import {
  type LossCurve,
  type Report,
  type ReportMethod,
  type ReportSample,
  reportScores,
} from '@moect/report';
import { createMoect } from 'moect';
import type { DemoText } from './demo-text.ts';
import type { JobResult } from './job.ts';
import { METHOD_RUNS, TRAINING } from './method-runs.ts';

const NOTES: readonly string[] = [
  'The base has 1.4 million parameters and the new text is 27,000 tokens: this shows what each method keeps and gains, not a useful model.',
  'New languages were trained and measured on articles of the Universal Declaration of Human Rights. Gains stay largely in that domain.',
  'The test set of a new language is 7 articles of 60 to 900 bytes; articles are resampled together across languages, since they are translations.',
  'Old languages were measured on shipped excerpts of classics that neither the base nor any method was trained on. Other kinds of old text may fare differently.',
  'The base saw about 75 other languages in 3 % of its training; Finnish and Zulu are in no training at all.',
];

/** Clusters for resampling: translations of one article together, every other document by itself. */
function cluster({ id, language }: { readonly id: string; readonly language: string }): string {
  const article = /^udhr\/[^/]+\/(\d+)$/.exec(id)?.[1];
  return article === undefined ? `${language} ${id}` : `article ${article}`;
}

/** Loss per language over trained tokens, means of three steps: one step has few sequences of a language. */
function lossCurves({ steps, trainedTokens }: JobResult): LossCurve[] {
  const perStep = trainedTokens / Math.max(1, steps.length);
  const languages = [...new Set(steps.flatMap(({ lossByLanguage }) => Object.keys(lossByLanguage)))];
  return languages.map((language) => {
    const points: [number, number][] = [];
    for (let i = 0; i < steps.length; i += 3) {
      const losses = steps.slice(i, i + 3).flatMap(({ lossByLanguage }) => lossByLanguage[language] ?? []);
      if (losses.length === 0) continue;
      points.push([Math.round((i + 2) * perStep), losses.reduce((a, b) => a + b, 0) / losses.length]);
    }
    return { language, points };
  });
}

function samples(base: JobResult, result: JobResult): ReportSample[] {
  return result.samples.map(({ language, prompt, continuation }) => {
    const before = base.samples.find((sample) => sample.language === language)!.continuation;
    return { language, prompt, before, after: continuation };
  });
}

/** Gain is compared with full continual training of the same seed. */
function comparison(
  after: readonly DocumentScore[],
  base: JobResult,
  yardstick: JobResult | undefined,
  text: DemoText,
): Comparison {
  const roles = Object.fromEntries(
    [...text.old, ...text.new, ...text.unseen].map(({ code, role }) => [code, role]),
  );
  return compare({
    before: base.scores,
    after,
    roles,
    clusters: cluster,
    ...(yardstick && { reference: { name: 'ct', after: yardstick.scores } }),
  });
}

function summarizeMethod(
  result: JobResult,
  base: JobResult,
  yardstick: JobResult | undefined,
  text: DemoText,
): ReportMethod {
  const run = METHOD_RUNS.find(({ name }) => name === result.job.method)!;
  const preset = createMoect().preset(run.preset);
  return {
    name: run.name,
    seed: result.job.seed,
    description: preset.description,
    trainableParameters: result.trainableParameters,
    trainedTokens: result.trainedTokens,
    tokensPerSecond: result.trainedTokens / result.trainingSeconds,
    learningRate: result.job.learningRate ?? run.learningRate,
    replayShare: preset.training.replayShare,
    ...reportScores(comparison(result.scores, base, yardstick, text)),
    ...(result.packBytes !== null && { packBytes: result.packBytes }),
    ...(result.oldLogits && { logits: result.oldLogits }),
    ...(result.mixtureBound && { mixtureBound: result.mixtureBound }),
    ...(result.posterior && { posterior: result.posterior }),
    ...(result.routing && { gates: result.routing }),
    losses: lossCurves(result),
    samples: samples(base, result),
  };
}

/** The mixture's pack with known languages: a row of its own, from the same training run. */
function summarizeKnown(
  result: JobResult,
  mixture: ReportMethod,
  base: JobResult,
  yardstick: JobResult | undefined,
  text: DemoText,
): ReportMethod {
  const { seed, trainableParameters, trainedTokens, tokensPerSecond, learningRate, packBytes } = mixture;
  return {
    seed,
    trainableParameters,
    trainedTokens,
    tokensPerSecond,
    ...(learningRate !== undefined && { learningRate }),
    ...(packBytes !== undefined && { packBytes }),
    name: 'moe-ct-known',
    description:
      'The same pack, with the language of each document known: old text goes through the base alone.',
    ...reportScores(comparison(result.known!.scores, base, yardstick, text)),
    logits: result.known!.oldLogits,
  };
}

/** `report.json` of the demo. */
export function summarize(
  base: JobResult,
  results: readonly JobResult[],
  text: DemoText,
  seconds: number,
): Report {
  const trained = results.find(({ job }) => job.method === 'ct-replay') ?? results[0]!;
  const last = results[results.length - 1]!;
  const tables = scoresByLanguage(base.scores);
  const names = new Map([...text.new, ...text.unseen].map(({ code, name }) => [code, name]));
  names.set('eng_Latn', 'English').set('zho_Hans', 'Chinese');
  return {
    schema: 'moect-report/1',
    title: 'Four new languages, and what became of the old ones',
    createdAt: new Date().toISOString(),
    seconds,
    peakRssBytes: Math.max(...[base, ...results].map(({ peakRssBytes }) => peakRssBytes)),
    backend: base.backend,
    base: {
      id: 'demo base',
      parameters: base.baseParameters,
      sha256Before: last.baseSha256.before,
      sha256After: last.baseSha256.after,
    },
    languages: [...text.old, ...text.new, ...text.unseen].map(({ code, role }) => {
      const { documents, bytes, bytesPerToken } = tables.find(({ language }) => language === code)!;
      return {
        code,
        name: names.get(code)!,
        role,
        heldOutDocuments: documents,
        heldOutBytes: bytes,
        trainedTokens: trained.trainedTokensByLanguage[code] ?? 0,
        domain: role === 'old' ? 'classics, public domain' : 'Universal Declaration of Human Rights',
        bytesPerToken,
      };
    }),
    methods: results.flatMap((result) => {
      const yardstick = results.find(({ job }) => job.method === 'ct' && job.seed === result.job.seed);
      const method = summarizeMethod(result, base, yardstick, text);
      return result.known === null
        ? [method]
        : [method, summarizeKnown(result, method, base, yardstick, text)];
    }),
    bootstrap: { resamples: 2000, seed: 0, level: 0.95, unit: 'cluster' },
    notes: [...NOTES, `Every method saw ${TRAINING.tokens.toLocaleString('en')} tokens, replay included.`],
  };
}
