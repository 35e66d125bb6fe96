import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Document, RoutingStatistics } from '@moect/core';
import { assertMixtureBound, type MixtureDocumentScore, measureGates, posteriorCurves } from '@moect/eval';
import { digestParameters } from '@moect/freeze';
import { type Report, type ReportLanguage, type ReportMethod, reportScores } from '@moect/report';
import type { BackendInfo } from '@moect/tensor';
import type { LoadedBase } from '../base/describe-base.ts';
import { BASE_PRIOR } from './combined-scorer.ts';
import type { ExtensionComparison } from './compare-extensions.ts';
import type { EvaluatedText } from './read-texts.ts';

export interface ReportInput {
  readonly backend: BackendInfo;
  readonly base: LoadedBase;
  readonly texts: readonly EvaluatedText[];
  readonly comparisons: readonly ExtensionComparison[];
  /** Folders of the extensions, in their order. */
  readonly folders: readonly string[];
  readonly seconds: number;
}

/** Documents of each language in which gates are measured: enough for a mean. */
const GATE_DOCUMENTS = 20;

const utf8Bytes = (documents: readonly Document[]): number =>
  documents.reduce((sum, { text }) => sum + Buffer.byteLength(text), 0);

function reportLanguage(text: EvaluatedText, { comparisons }: ReportInput): ReportLanguage {
  const { code, role, documents } = text;
  const trained = comparisons.flatMap(({ extension }) =>
    (extension.info.training?.languages ?? []).filter((l) => l.code === code).map((l) => l.trainedTokens),
  );
  const row = comparisons[0]?.comparison.languages.find(({ language }) => language === code);
  return {
    code,
    role,
    heldOutDocuments: documents.length,
    heldOutBytes: utf8Bytes(documents),
    trainedTokens: Math.max(0, ...trained),
    ...(row && { bytesPerToken: row.bytesPerToken }),
  };
}

async function folderBytes(folder: string): Promise<number> {
  const sizes = (await readdir(folder)).map(async (name) => (await stat(join(folder, name))).size);
  return (await Promise.all(sizes)).reduce((a, b) => a + b, 0);
}

/** p of the gate by site and language; nothing for methods without a branch beside the layers. */
async function gatesOf(
  { extension, combine }: ExtensionComparison,
  { base, texts }: ReportInput,
): Promise<{ readonly gates?: RoutingStatistics }> {
  if (combine !== 'gate' || extension.extension.attachments.ffn.size === 0) return {};
  const gates = await measureGates({
    base: base.model,
    tokenizer: base.tokenizer,
    extension: extension.extension,
    documents: texts.flatMap(({ documents }) => documents.slice(0, GATE_DOCUMENTS)),
  });
  return { gates };
}

function mixtureParts({ combine, scores, baseScores }: ExtensionComparison): Partial<ReportMethod> {
  if (combine !== 'mixture') return {};
  return {
    mixtureBound: assertMixtureBound(scores, baseScores, BASE_PRIOR),
    posterior: posteriorCurves(scores as readonly MixtureDocumentScore[]),
  };
}

async function reportMethod(
  comparison: ExtensionComparison,
  folder: string,
  input: ReportInput,
): Promise<ReportMethod> {
  const { name, info } = comparison.extension;
  const { training } = info;
  return {
    name: info.preset ?? info.method,
    label: name,
    description: `${info.preset ?? info.method}, combined by ${comparison.combine}`,
    seed: training?.seed ?? 0,
    trainableParameters: info.parameters,
    trainedTokens: training?.tokens ?? 0,
    // an extension folder does not say how fast it was made
    tokensPerSecond: 0,
    packBytes: await folderBytes(folder),
    ...(training && { learningRate: training.learningRate, replayShare: training.replayShare }),
    ...reportScores(comparison.comparison),
    ...mixtureParts(comparison),
    ...(await gatesOf(comparison, input)),
  };
}

/** `report.json` of a comparison. Also proves the mixture's bound on every document. Throws MoectError. */
export async function buildReport(input: ReportInput): Promise<Report> {
  const { backend, base, texts, comparisons, folders, seconds } = input;
  const methods: ReportMethod[] = [];
  for (const [i, comparison] of comparisons.entries()) {
    methods.push(await reportMethod(comparison, folders[i]!, input));
  }
  return {
    schema: 'moect-report/1',
    title: `${base.identity.id}: what was won, what was forgotten`,
    createdAt: new Date().toISOString(),
    seconds,
    peakRssBytes: process.resourceUsage().maxRSS * 1024,
    backend,
    base: {
      id: base.identity.id,
      parameters: base.parameterCount,
      sha256Before: base.heldSha256,
      sha256After: await digestParameters(base.model.parameters),
    },
    languages: texts.map((text) => reportLanguage(text, input)),
    methods,
    ...(comparisons[0] && { bootstrap: comparisons[0].comparison.bootstrap }),
    notes: ['Training speed is not kept in extension folders and stands as 0 here.'],
  };
}
