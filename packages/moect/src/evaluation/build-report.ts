import type { Document, RoutingStatistics } from '@moect/core';
import { documentBytes } from '@moect/data';
import { assertMixtureBound, type MixtureDocumentScore, measureGates, posteriorCurves } from '@moect/eval';
import { digestParameters } from '@moect/freeze';
import {
  languageName,
  type Report,
  type ReportLanguage,
  type ReportMethod,
  reportScores,
} from '@moect/report';
import type { Base } from '../base/base.ts';
import { GATE } from '../parts/moect.ts';
import type { EvaluatedText } from './evaluated-texts.ts';
import type { PackComparison } from './pack-comparison.ts';
import { sampleTexts } from './sample-texts.ts';
import { BASE_PRIOR, prefixTokenOf } from './scorers.ts';

export interface ReportInput {
  readonly base: Base;
  /** Digest of the base in memory before anything was scored. */
  readonly baseSha256: string;
  readonly texts: readonly EvaluatedText[];
  /** Of the reading of the texts. */
  readonly notes: readonly string[];
  readonly comparisons: readonly PackComparison[];
  readonly seconds: number;
  /** See `CompareOptions`. */
  readonly gateThreshold?: number | null | undefined;
}

/** Number of documents per language for the mean of the gates. */
const GATE_DOCUMENTS = 20;

const utf8Bytes = (documents: readonly Document[]): number =>
  documents.reduce((sum, document) => sum + documentBytes(document), 0);

function reportLanguage(text: EvaluatedText, { comparisons }: ReportInput): ReportLanguage {
  const { code, role, documents } = text;
  const name = languageName(code);
  const trained = comparisons.flatMap(({ pack }) =>
    (pack.info.training?.languages ?? []).filter((l) => l.code === code).map((l) => l.trainedTokens),
  );
  const row = comparisons[0]?.comparison.languages.find(({ language }) => language === code);
  return {
    code,
    ...(name !== null && { name }),
    role,
    heldOutDocuments: documents.length,
    heldOutBytes: utf8Bytes(documents),
    trainedTokens: Math.max(0, ...trained),
    ...(row && { bytesPerToken: row.bytesPerToken }),
  };
}

/** Size of the pack's folder. */
async function packBytes({ pack }: PackComparison): Promise<number> {
  let bytes = 0;
  for (const pieces of (await pack.files()).values()) for (const piece of pieces) bytes += piece.length;
  return bytes;
}

/** p of the gate by site and language; nothing for methods without a branch beside the layers. */
async function gatesOf(
  { pack, combine }: PackComparison,
  { base, texts, gateThreshold }: ReportInput,
): Promise<{ readonly gates?: RoutingStatistics }> {
  if (combine !== GATE || pack.extension.attachments.ffn.size === 0) return {};
  const gates = await measureGates({
    base: base.model,
    tokenizer: base.tokenizer,
    prefixToken: prefixTokenOf(base, [pack]),
    extension: pack.extension,
    ...(gateThreshold !== undefined && { gateThreshold }),
    documents: texts.flatMap(({ documents }) => documents.slice(0, GATE_DOCUMENTS)),
  });
  return { gates };
}

function mixtureParts({ combine, scores, baseScores }: PackComparison): Partial<ReportMethod> {
  if (combine !== 'mixture') return {};
  return {
    mixtureBound: assertMixtureBound(scores, baseScores, BASE_PRIOR),
    posterior: posteriorCurves(scores as readonly MixtureDocumentScore[]),
  };
}

async function reportMethod(comparison: PackComparison, input: ReportInput): Promise<ReportMethod> {
  const { name, info } = comparison.pack;
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
    packBytes: await packBytes(comparison),
    ...(training && { learningRate: training.learningRate, replayShare: training.replayShare }),
    ...reportScores(comparison.comparison),
    ...mixtureParts(comparison),
    ...(await gatesOf(comparison, input)),
    samples: await sampleTexts(comparison, input),
  };
}

/** `report.json` of a comparison. Also proves the mixture's bound on every document. Throws MoectError. */
export async function buildReport(input: ReportInput): Promise<Report> {
  const { base, texts, notes, comparisons, seconds } = input;
  const methods: ReportMethod[] = [];
  for (const comparison of comparisons) methods.push(await reportMethod(comparison, input));
  return {
    schema: 'moect-report/1',
    title: `${base.identity.id}: what was won, what was forgotten`,
    createdAt: new Date().toISOString(),
    seconds,
    peakRssBytes: base.platform.peakMemory(),
    backend: base.backend,
    base: {
      id: base.identity.id,
      parameters: base.parameterCount,
      sha256Before: input.baseSha256,
      sha256After: await digestParameters(base.model.parameters),
    },
    languages: texts.map((text) => reportLanguage(text, input)),
    methods,
    ...(comparisons[0] && { bootstrap: comparisons[0].comparison.bootstrap }),
    notes: [...notes, 'Training speed is not kept in extension folders and left out here.'],
  };
}
