import { createRng, InvalidConfigError } from '@moect/core';
import { number, problemsOf } from '@moect/core/options';
import { type Interval, percentileInterval } from './intervals.ts';
import type { ScoreTable } from './score-table.ts';

export interface BootstrapOptions {
  /** Default 2,000. */
  readonly resamples?: number;
  /** Default 0. */
  readonly seed?: number;
  /** Default 0.95. */
  readonly level?: number;
}

export interface BootstrapResult {
  /** The statistic of the data themselves. */
  readonly estimate: number;
  readonly interval: Interval;
  readonly level: number;
  readonly resamples: number;
  readonly seed: number;
  /** Documents or clusters that were resampled. */
  readonly units: number;
  /** True below 20 units: the interval is rough, say so beside it. */
  readonly fewDocuments: boolean;
  /** The statistic of each resample. */
  readonly replicates: Float64Array;
}

export const FEW_DOCUMENTS = 20;

/** Corpus-level bits per byte: [system][language], in the order of the table. */
export type BitsPerByteTable = readonly (readonly number[])[];

/** @param counts how often each unit was drawn */
function bitsPerByteOf({ bytes, nats, languages, units }: ScoreTable, counts: ArrayLike<number>): number[][] {
  const width = languages.length;
  const total = (values: Float64Array, language: number): number => {
    let sum = 0;
    for (let unit = 0; unit < units; unit++) sum += counts[unit]! * values[unit * width + language]!;
    return sum;
  };
  const allBytes = languages.map((_, language) => total(bytes, language));
  return nats.map((values) =>
    languages.map((_, language) => total(values, language) / (Math.LN2 * allBytes[language]!)),
  );
}

const checks = { resamples: number({ min: 1, integer: true }), level: number({ above: 0, below: 1 }) };

function checkOptions(table: ScoreTable, { resamples, level }: Required<BootstrapOptions>): void {
  const problems = problemsOf({ resamples, level }, checks);
  const [whole] = bitsPerByteOf(table, new Float64Array(table.units).fill(1));
  table.languages.forEach((language, i) => {
    if (!Number.isFinite(whole![i])) problems.push({ path: 'scores', message: `${language} has no bytes` });
  });
  if (problems.length > 0) throw new InvalidConfigError('bootstrap', problems);
}

/**
 * Bootstrap over units (documents or clusters): the corpus-level statistic, a function of ratios of sums, is
 * recomputed on each resample (docs/metrics.md §3). Units that occur in the same languages are drawn among
 * themselves, so no language ever goes missing. All statistics of one table and seed see the same resamples. Throws
 * InvalidConfigError.
 */
export function bootstrap(
  table: ScoreTable,
  statistic: (bitsPerByte: BitsPerByteTable) => number,
  options: BootstrapOptions = {},
): BootstrapResult {
  const { resamples = 2000, seed = 0, level = 0.95 } = options;
  checkOptions(table, { resamples, seed, level });
  const rng = createRng(seed).fork('bootstrap');
  const counts = new Int32Array(table.units);
  const replicates = Float64Array.from({ length: resamples }, () => {
    counts.fill(0);
    for (const stratum of table.strata) {
      for (const drawn of rng.integers(stratum.length, stratum.length)) counts[stratum[drawn]!]!++;
    }
    return statistic(bitsPerByteOf(table, counts));
  });
  return {
    estimate: statistic(bitsPerByteOf(table, counts.fill(1))),
    interval: percentileInterval(replicates, level),
    level,
    resamples,
    seed,
    units: table.units,
    fewDocuments: table.units < FEW_DOCUMENTS,
    replicates,
  };
}
