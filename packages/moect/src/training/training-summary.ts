import type { BatchSource } from '@moect/core';
import { batchTokens } from '@moect/data';
import type { TrainResult } from '@moect/trainer';
import type { ResolvedRun } from '../config/resolved-run.ts';
import type { TrainingSummary } from '../extension/extension-config.ts';
import type { LanguageSummary } from './pack-text.ts';

/** A finished run and its data. */
export interface TrainedRun {
  readonly run: {
    readonly training: Pick<ResolvedRun['training'], 'accumulation' | 'batchSize' | 'learningRate' | 'seed'>;
    readonly replay: ResolvedRun['replay'];
    readonly data: Pick<ResolvedRun['data'], 'sequenceLength'>;
  };
  readonly languages: readonly LanguageSummary[];
  readonly data: BatchSource;
}

/** Number of trained tokens of each language. */
function trainedTokens(source: BatchSource, batches: number): Map<string, number> {
  const totals = new Map(source.languages.map(({ code }) => [code, 0]));
  for (let counter = 0; counter < batches; counter++) {
    for (const { code, targets } of batchTokens(source.batch(counter), source.languages)) {
      totals.set(code, totals.get(code)! + targets);
    }
  }
  return totals;
}

/** Summary for `moect_config.json`. */
export function trainingSummary(
  { run, languages, data: source }: TrainedRun,
  result: Pick<TrainResult, 'step' | 'keptStep' | 'tokensSeen'>,
): TrainingSummary {
  const { training, replay, data } = run;
  const trained = trainedTokens(source, result.step * training.accumulation);
  return {
    steps: result.step,
    ...(result.keptStep !== result.step && { keptStep: result.keptStep }),
    tokens: result.tokensSeen,
    sequenceLength: data.sequenceLength,
    batchSize: training.batchSize * training.accumulation,
    learningRate: training.learningRate,
    seed: training.seed,
    replayShare: replay.share,
    languages: languages.map(({ code, role, documents, tokens }) => {
      return { code, role, documents, tokens, trainedTokens: trained.get(code) ?? 0 };
    }),
  };
}
