import { type DocumentScore, InvalidConfigError } from '@moect/core';
import { groupByLanguage } from '../metrics/by-language.ts';
import { corpusTotals } from '../metrics/corpus-totals.ts';
import { type BootstrapOptions, type BootstrapResult, bootstrap } from '../statistics/bootstrap.ts';
import { type NonInferiority, nonInferiority } from '../statistics/non-inferiority.ts';
import { meanChange } from '../statistics/paired-bootstrap.ts';
import { type ClusterOf, type ScoreTable, scoreTable } from '../statistics/score-table.ts';
import type { Comparison, ComparisonRole, LanguageComparison, MeanChange } from './comparison.ts';
import { worstDocument } from './worst-document.ts';

export interface CompareOptions {
  /** Scores under the base. */
  readonly before: readonly DocumentScore[];
  /** The same documents after training. */
  readonly after: readonly DocumentScore[];
  /** Role of every language that occurs. */
  readonly roles: Readonly<Record<string, ComparisonRole>>;
  /** Another method's scores, usually full continual training's: gain is also given as a ratio to its gain. */
  readonly reference?: { readonly name: string; readonly after: readonly DocumentScore[] };
  /** Largest relative change of an old language that counts as kept, for example 0.01. */
  readonly bound?: number;
  readonly clusters?: ClusterOf;
  /** Default 2,000. */
  readonly resamples?: number;
  /** Seed of the resampling; default 0. */
  readonly seed?: number;
}

type Resampling = Required<Pick<BootstrapOptions, 'resamples' | 'seed'>>;

function checkRoles({ before, roles, bound }: CompareOptions): void {
  const scored = new Set(before.map(({ language }) => language));
  const problems = [...scored]
    .filter((language) => roles[language] === undefined)
    .map((language) => ({ path: `roles.${language}`, message: 'is missing: old, new or unseen' }));
  for (const language of Object.keys(roles)) {
    if (!scored.has(language))
      problems.push({ path: `roles.${language}`, message: 'no document was scored' });
  }
  if (bound !== undefined && !(bound > 0)) {
    problems.push({ path: 'bound', message: `must be above 0, is ${bound}` });
  }
  if (problems.length > 0) throw new InvalidConfigError('compare', problems);
}

interface LanguageResult {
  readonly row: LanguageComparison;
  readonly relative: BootstrapResult;
}

function compareLanguage(
  language: string,
  role: ComparisonRole,
  scores: { readonly before: readonly DocumentScore[]; readonly after: readonly DocumentScore[] },
  clusters: ClusterOf | undefined,
  resampling: Resampling,
): LanguageResult {
  const table = scoreTable([scores.before, scores.after], clusters);
  const change = bootstrap(table, meanChange('change'), resampling);
  const relative = bootstrap(table, meanChange('relativeChange'), resampling);
  const { documents, bytes, nats, tokens } = corpusTotals(scores.before);
  const before = nats / Math.LN2 / bytes;
  const row = {
    language,
    role,
    documents,
    bytes,
    bytesPerToken: bytes / tokens,
    before,
    after: before + change.estimate,
    change: change.estimate,
    ci95: change.interval,
    relativeChange: relative.estimate,
    relativeCi95: relative.interval,
    fewDocuments: change.fewDocuments,
    hasInterval: change.units > 1,
    worstDocument: worstDocument(scores.before, scores.after),
  };
  return { row, relative };
}

function retentionOf(results: readonly LanguageResult[], bound: number | undefined): Comparison['retention'] {
  const old = results.filter(({ row }) => row.role === 'old');
  if (old.length === 0) return null;
  const { row } = old.reduce((worst, next) =>
    next.row.relativeChange > worst.row.relativeChange ? next : worst,
  );
  const found = { worstLanguage: row.language, relativeChange: row.relativeChange, ci95: row.relativeCi95 };
  if (bound === undefined) return found;
  const relatives = Object.fromEntries(old.map((result) => [result.row.language, result.relative]));
  const languages: NonInferiority[] = nonInferiority(relatives, bound);
  return { ...found, bound, kept: languages.every(({ kept }) => kept), languages };
}

/** Mean of −change over the languages of a role, and its ratio to the reference's. */
function meanGain(
  options: CompareOptions,
  role: ComparisonRole,
  resampling: Resampling,
): { readonly table: ScoreTable; readonly gain: MeanChange } | null {
  const of = (scores: readonly DocumentScore[]): DocumentScore[] =>
    scores.filter(({ language }) => options.roles[language] === role);
  const { before, after, reference, clusters } = options;
  if (of(before).length === 0) return null;
  const systems = [before, after, ...(reference === undefined ? [] : [reference.after])].map(of);
  const table = scoreTable(systems, clusters);
  const { estimate, interval, fewDocuments } = bootstrap(
    table,
    (bpb) => -meanChange('change')(bpb),
    resampling,
  );
  return { table, gain: { mean: estimate, ci95: interval, fewDocuments } };
}

function gainOf(options: CompareOptions, resampling: Resampling): Comparison['gain'] {
  const found = meanGain(options, 'new', resampling);
  if (found === null) return null;
  const { table, gain } = found;
  if (options.reference === undefined) return gain;
  const { estimate, interval } = bootstrap(
    table,
    (bpb) => meanChange('change', 1)(bpb) / meanChange('change', 2)(bpb),
    resampling,
  );
  return { ...gain, ratio: { against: options.reference.name, value: estimate, ci95: interval } };
}

/**
 * Retention, gain and transfer of one trained system against its base (docs/metrics.md §2): bits per byte on the same
 * documents, percentile intervals by a paired bootstrap over documents or clusters. Throws InvalidConfigError.
 */
export function compare(options: CompareOptions): Comparison {
  checkRoles(options);
  const { before, reference } = options;
  // refuses documents that only one of them has, whatever their language
  scoreTable([before, options.after, ...(reference === undefined ? [] : [reference.after])]);
  const resampling: Resampling = { resamples: options.resamples ?? 2000, seed: options.seed ?? 0 };
  const after = groupByLanguage(options.after);
  const results = [...groupByLanguage(before)].map(([language, group]) =>
    compareLanguage(
      language,
      options.roles[language]!,
      { before: group, after: after.get(language) ?? [] },
      options.clusters,
      resampling,
    ),
  );
  return {
    languages: results.map(({ row }) => row),
    retention: retentionOf(results, options.bound),
    gain: gainOf(options, resampling),
    transfer: meanGain(options, 'unseen', resampling)?.gain ?? null,
    bootstrap: { ...resampling, level: 0.95, unit: options.clusters === undefined ? 'document' : 'cluster' },
  };
}
