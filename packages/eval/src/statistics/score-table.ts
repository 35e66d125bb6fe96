import { type DocumentScore, InvalidConfigError } from '@moect/core';
import { documentNats } from '../metrics/corpus-totals.ts';

/** Names the cluster of a document: documents of one cluster, in any language, are drawn together. */
export type ClusterOf = (document: { readonly id: string; readonly language: string }) => string;

/** The same documents under several systems, summed by cluster and language: all that a resample needs. */
export interface ScoreTable {
  readonly languages: readonly string[];
  readonly systems: number;
  readonly units: number;
  /** Units that occur in the same languages; each group is resampled by itself. */
  readonly strata: readonly (readonly number[])[];
  /** [units · languages] */
  readonly bytes: Float64Array;
  /** [systems][units · languages], −log P in nats */
  readonly nats: readonly Float64Array[];
}

const keyOf = ({ language, id }: DocumentScore): string => JSON.stringify([language, id]);

const name = ({ language, id }: DocumentScore): string => `'${id}' (${language})`;

function byKey(scores: readonly DocumentScore[], problems: string[]): Map<string, DocumentScore> {
  const map = new Map<string, DocumentScore>();
  for (const score of scores) {
    if (map.has(keyOf(score))) problems.push(`document ${name(score)} occurs twice`);
    map.set(keyOf(score), score);
  }
  return map;
}

/** Rows of the same document, one score a system. Throws InvalidConfigError where the systems scored different text. */
function pairDocuments(systems: readonly (readonly DocumentScore[])[]): DocumentScore[][] {
  const problems: string[] = [];
  const [first, ...others] = systems.map((scores) => byKey(scores, problems));
  const rows: DocumentScore[][] = [];
  for (const [key, score] of first!) {
    const row = [score, ...others.map((other) => other.get(key)).filter((found) => found !== undefined)];
    if (row.length < systems.length)
      problems.push(`document ${name(score)} is not scored under every system`);
    if (row.some(({ bytes }) => bytes !== score.bytes)) {
      problems.push(`document ${name(score)} has different bytes`);
    }
    rows.push(row);
  }
  for (const other of others) {
    for (const [key, score] of other) {
      if (!first!.has(key)) problems.push(`document ${name(score)} is not scored under the first system`);
    }
  }
  if (rows.length === 0) problems.push('there are no documents');
  if (problems.length === 0) return rows;
  const listed = problems.slice(0, 10).map((message) => ({ path: 'scores', message }));
  throw new InvalidConfigError(
    'paired comparison',
    listed,
    'Score the same documents under every system; ids are unique within a language.',
  );
}

function stratify(units: number, languages: number, bytes: Float64Array): number[][] {
  const strata = new Map<string, number[]>();
  for (let unit = 0; unit < units; unit++) {
    const present = Array.from(bytes.subarray(unit * languages, (unit + 1) * languages), (b) => b > 0).join();
    const stratum = strata.get(present);
    if (stratum === undefined) strata.set(present, [unit]);
    else stratum.push(unit);
  }
  return [...strata.values()];
}

/**
 * Pairs the scores of several systems document by document and sums them by cluster.
 * @param clusterOf default: each document is a unit of its own
 * Throws InvalidConfigError.
 */
export function scoreTable(
  systems: readonly (readonly DocumentScore[])[],
  clusterOf?: ClusterOf,
): ScoreTable {
  const rows = pairDocuments(systems);
  const languages = [...new Set(rows.map(([score]) => score!.language))];
  const clusters = rows.map(([score]) => (clusterOf === undefined ? keyOf(score!) : clusterOf(score!)));
  const unitOf = new Map([...new Set(clusters)].map((cluster, unit) => [cluster, unit]));
  const units = unitOf.size;
  const bytes = new Float64Array(units * languages.length);
  const nats = systems.map(() => new Float64Array(units * languages.length));
  rows.forEach((row, i) => {
    const cell = unitOf.get(clusters[i]!)! * languages.length + languages.indexOf(row[0]!.language);
    bytes[cell]! += row[0]!.bytes;
    row.forEach((score, system) => {
      nats[system]![cell]! += documentNats(score);
    });
  });
  const strata = stratify(units, languages.length, bytes);
  return { languages, systems: systems.length, units, strata, bytes, nats };
}
