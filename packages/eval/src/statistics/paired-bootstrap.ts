import type { DocumentScore } from '@moect/core';
import {
  type BitsPerByteTable,
  type BootstrapOptions,
  type BootstrapResult,
  bootstrap,
} from './bootstrap.ts';
import { type ClusterOf, scoreTable } from './score-table.ts';

/** `change`: after − before, bits per byte. `relativeChange`: after ÷ before − 1. */
export type PairedStatistic = 'change' | 'relativeChange';

const changes: Record<PairedStatistic, (before: number, after: number) => number> = {
  change: (before, after) => after - before,
  relativeChange: (before, after) => after / before - 1,
};

/** Mean over all languages of the table of the change from system 0 to `system`. */
export function meanChange(
  statistic: PairedStatistic,
  system = 1,
): (bitsPerByte: BitsPerByteTable) => number {
  return (bitsPerByte) => {
    const before = bitsPerByte[0]!;
    const after = bitsPerByte[system]!;
    return before.reduce((sum, b, i) => sum + changes[statistic](b, after[i]!), 0) / before.length;
  };
}

/**
 * Change of corpus-level bits per byte on the same documents, with a percentile interval. With several languages: the
 * mean of the languages' changes. Lower bits per byte are better, so a negative change is a gain.
 * @param options.clusters for documents that belong together, such as the same article in several languages
 * Throws InvalidConfigError where the documents differ.
 */
export function pairedBootstrap(
  options: BootstrapOptions & {
    readonly before: readonly DocumentScore[];
    readonly after: readonly DocumentScore[];
    readonly statistic: PairedStatistic;
    readonly clusters?: ClusterOf;
  },
): BootstrapResult {
  const { before, after, statistic, clusters, ...rest } = options;
  return bootstrap(scoreTable([before, after], clusters), meanChange(statistic), rest);
}
