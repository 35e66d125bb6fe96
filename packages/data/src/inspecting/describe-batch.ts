import type { Batch, BatchSource, Tokenizer } from '@moect/core';

export interface DescribeOptions {
  /** Rows to show. Default 4. */
  readonly rows?: number;
}

/** Neighbouring places of one document whose targets are all predicted, or all not. */
interface Run {
  readonly start: number;
  end: number;
  readonly predicted: boolean;
}

function documentRanges(batch: Batch, row: number): [start: number, end: number][] {
  const first = row * batch.sequenceLength;
  const last = first + batch.sequenceLength;
  const ranges: [number, number][] = [];
  for (let i = first; i < last; i++) {
    const open = ranges.at(-1);
    if (open !== undefined && batch.documentIds[i] === batch.documentIds[open[0]]) open[1] = i + 1;
    else ranges.push([i, i + 1]);
  }
  return ranges;
}

function maskRuns(batch: Batch, start: number, end: number): Run[] {
  const runs: Run[] = [];
  for (let i = start; i < end; i++) {
    const predicted = batch.targets[i]! >= 0;
    const open = runs.at(-1);
    if (open?.predicted === predicted) open.end = i + 1;
    else runs.push({ start: i, end: i + 1, predicted });
  }
  return runs;
}

/** Predicted tokens plain; a place without a target as its input between ⟦ and ⟧. */
function maskedText(batch: Batch, start: number, end: number, tokenizer: Tokenizer): string {
  return maskRuns(batch, start, end)
    .map((run) => {
      const ids = (run.predicted ? batch.targets : batch.tokens).subarray(run.start, run.end);
      const text = tokenizer.decode([...ids]);
      return run.predicted ? text : `⟦${text}⟧`;
    })
    .join('');
}

/**
 * A batch for the human eye: each document with its language, role and place, its first input between ‹ and ›,
 * then the text that is predicted; what is not predicted stands between ⟦ and ⟧.
 */
export function describeBatch(
  batch: Batch,
  languages: BatchSource['languages'],
  tokenizer: Tokenizer,
  options: DescribeOptions = {},
): string {
  const rows = Math.min(options.rows ?? 4, batch.batchSize);
  const lines = [`batch of ${batch.batchSize} × ${batch.sequenceLength} tokens, ${rows} rows shown`];
  for (let row = 0; row < rows; row++) {
    for (const [start, end] of documentRanges(batch, row)) {
      const document = batch.documentIds[start]!;
      if (document < 0) {
        lines.push(`row ${row} · padding × ${end - start}`);
        continue;
      }
      const { code, role } = languages[batch.languageIds[start]!]!;
      const predicted = batch.targets.subarray(start, end).filter((id) => id >= 0).length;
      const positions = `${batch.positions[start]}–${batch.positions[end - 1]}`;
      lines.push(
        `row ${row} · ${code} (${role}) · document ${document} · positions ${positions} · ${predicted} of ${end - start} predicted`,
        `    ‹${tokenizer.decode([batch.tokens[start]!])}›${maskedText(batch, start, end, tokenizer)}`,
      );
    }
  }
  return lines.join('\n');
}
