import type { LanguageStatistics, RoutingStatistics, SiteStatistics } from '@moect/core';
import type { InspectionOptions } from './compare-logits.ts';
import { encodeDocuments, scoringConvention } from './encode-documents.ts';
import { checkModel, type EvaluatedModel, forwardBatch } from './extended-forward.ts';
import { type WindowBatch, windowBatches } from './window-batches.ts';

/** One site's numbers for a batch, on the host. */
interface SiteValues {
  /** [rows · time] */
  readonly baseWeight: ArrayLike<number> | null;
  /** [rows · time, topK] */
  readonly expertIndices: ArrayLike<number> | null;
  readonly numExperts: number;
}

class Tally {
  tokens = 0;
  weightSum = 0;
  onBase = 0;
  hasWeight = false;
  readonly load: number[] = [];

  add({ baseWeight, expertIndices, numExperts }: SiteValues, position: number, positions: number): void {
    this.tokens++;
    if (baseWeight !== null) {
      this.hasWeight = true;
      this.weightSum += baseWeight[position]!;
      if (baseWeight[position]! > 0.5) this.onBase++;
    }
    if (expertIndices === null) return;
    while (this.load.length < numExperts) this.load.push(0);
    const topK = expertIndices.length / positions;
    for (let k = 0; k < topK; k++) {
      const expert = expertIndices[position * topK + k]!;
      if (expert >= 0 && expert < numExperts) this.load[expert]!++;
    }
  }

  result(): LanguageStatistics {
    const { tokens, load } = this;
    const total = load.reduce((a, b) => a + b, 0);
    return {
      tokens,
      ...(this.hasWeight && { meanBaseWeight: this.weightSum / tokens, shareOnBase: this.onBase / tokens }),
      ...(total > 0 && { expertLoad: load.map((count) => count / total) }),
    };
  }
}

async function siteValues(statistics: SiteStatistics): Promise<SiteValues> {
  const { baseWeight, expertIndices, tokensPerExpert } = statistics;
  return {
    baseWeight: baseWeight === undefined ? null : (await baseWeight.data()).slice(),
    expertIndices: expertIndices === undefined ? null : (await expertIndices.data()).slice(),
    numExperts: tokensPerExpert?.size ?? 0,
  };
}

async function batchValues(model: EvaluatedModel, batch: WindowBatch): Promise<Map<string, SiteValues>> {
  const asked = { collectStatistics: true, logits: 'last' } as const;
  const statistics = forwardBatch(model, batch, (result) => result.statistics, asked);
  const values = new Map<string, SiteValues>();
  try {
    for (const [site, of] of statistics) values.set(site, await siteValues(of));
  } finally {
    for (const of of statistics.values()) for (const x of Object.values(of)) x?.dispose();
  }
  return values;
}

/**
 * Router and gate at inference (docs/metrics.md §5), by site and language: mean base weight p, share of tokens with
 * p > 0.5, share of the assignments that each expert gets. Over the inputs whose next token is scored; padding is left
 * out. Throws InvalidConfigError.
 */
export async function measureGates(options: InspectionOptions): Promise<RoutingStatistics> {
  const { base, extension, documents, batchTokens, gateThreshold } = options;
  const convention = scoringConvention(options);
  const model = { base, extension, ...(gateThreshold !== undefined && { gateThreshold }) };
  checkModel(model);
  const encoded = encodeDocuments(documents, options, convention, base.vocabSize);
  const sites = new Map<string, Map<string, Tally>>();
  for (const batch of windowBatches(encoded, convention, batchTokens)) {
    for (const [site, values] of await batchValues(model, batch)) {
      const languages = sites.get(site) ?? new Map<string, Tally>();
      sites.set(site, languages);
      for (const { position, document } of batch.scored) {
        const { language } = documents[document]!;
        const tally = languages.get(language) ?? new Tally();
        languages.set(language, tally);
        tally.add(values, position, batch.rows * batch.time);
      }
    }
  }
  return Object.fromEntries(
    [...sites].map(([site, languages]) => [
      site,
      Object.fromEntries([...languages].map(([language, tally]) => [language, tally.result()])),
    ]),
  );
}
