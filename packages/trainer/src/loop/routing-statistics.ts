import {
  type Batch,
  type LanguageStatistics,
  type RoutingStatistics,
  ShapeMismatchError,
  type SiteStatistics,
  type Tensor,
} from '@moect/core';

interface Tally {
  tokens: number;
  baseWeight: number;
  onBase: number;
  readonly assignments: number[];
}

interface HostStatistics {
  readonly baseWeight: ArrayLike<number> | null;
  readonly expertIndices: ArrayLike<number> | null;
  readonly topK: number;
  readonly numExperts: number;
}

async function rows(
  tensor: Tensor | undefined,
  site: string,
  tokens: number,
): Promise<ArrayLike<number> | null> {
  if (tensor === undefined) return null;
  if (tensor.size % tokens !== 0) {
    throw new ShapeMismatchError(
      `statistics of ${site}`,
      tensor.shape,
      `one row for each of ${tokens} tokens`,
    );
  }
  return tensor.data();
}

async function toHost(site: string, from: SiteStatistics, tokens: number): Promise<HostStatistics> {
  const baseWeight = await rows(from.baseWeight, site, tokens);
  const expertIndices = await rows(from.expertIndices, site, tokens);
  const topK = (from.expertIndices?.size ?? 0) / tokens;
  return { baseWeight, expertIndices, topK, numExperts: from.tokensPerExpert?.size ?? 0 };
}

function addToken(tally: Tally, host: HostStatistics, token: number): void {
  tally.tokens++;
  const p = host.baseWeight?.[token] ?? 0;
  tally.baseWeight += p;
  if (p > 0.5) tally.onBase++;
  for (let k = 0; k < host.topK; k++) {
    const expert = host.expertIndices![token * host.topK + k]!;
    tally.assignments[expert] = (tally.assignments[expert] ?? 0) + 1;
  }
}

function summarize(tally: Tally, host: HostStatistics): LanguageStatistics {
  const { tokens, assignments } = tally;
  const total = assignments.reduce((a, b) => a + (b ?? 0), 0);
  const experts = Math.max(host.numExperts, assignments.length);
  return {
    tokens,
    ...(host.baseWeight !== null && {
      meanBaseWeight: tally.baseWeight / tokens,
      shareOnBase: tally.onBase / tokens,
    }),
    ...(host.expertIndices !== null && {
      expertLoad: Array.from({ length: experts }, (_, e) => (assignments[e] ?? 0) / total),
    }),
  };
}

/** Statistics of the sites in the passes of one step, by site and language. Padding counts nowhere. */
export async function routingStatistics(
  batches: readonly Batch[],
  passes: readonly ReadonlyMap<string, SiteStatistics>[],
  languages: readonly { readonly code: string }[],
): Promise<RoutingStatistics> {
  const result: Record<string, Record<string, LanguageStatistics>> = {};
  for (const site of passes[0]?.keys() ?? []) {
    const tallies = new Map<number, Tally>();
    let last: HostStatistics | undefined;
    for (const [i, { languageIds }] of batches.entries()) {
      const host = await toHost(site, passes[i]!.get(site)!, languageIds.length);
      last = host;
      languageIds.forEach((language, token) => {
        if (language < 0) return;
        const tally = tallies.get(language) ?? { tokens: 0, baseWeight: 0, onBase: 0, assignments: [] };
        tallies.set(language, tally);
        addToken(tally, host, token);
      });
    }
    const byLanguage = [...tallies].sort(([a], [b]) => a - b);
    result[site] = Object.fromEntries(
      byLanguage.map(([language, tally]) => [languages[language]!.code, summarize(tally, last!)]),
    );
  }
  return result;
}
