import type { RunPlan } from '../config/resolved-run.ts';
import type { Preset } from '../presets/preset.ts';

/** Tokens in one batch that is chosen without being asked for. */
const DEFAULT_BATCH_TOKENS = 2048;
/** A gate hardly moves in fewer steps: scarce text gets smaller batches instead. */
const MIN_STEPS = 60;
/** Most of a run that replay takes without being asked for. */
const MAX_REPLAY_SHARE = 0.25;

/** What the plan of batches needs of a run. */
export type BatchSettings = Pick<RunPlan, 'training' | 'replay'>;

export interface BatchPlan {
  /** Sequences in one forward pass. */
  readonly batchSize: number;
  /** Share of the sequences in old languages. */
  readonly replayShare: number;
  /** Optimizer steps of the run. */
  readonly steps: number;
}

interface Amount {
  readonly sequenceLength: number;
  /** Sequences of all new languages: one epoch. */
  readonly newSequences: number;
}

/** Sequences of the run, replay included; null where it is set by its steps. */
function totalSequences(
  { training }: BatchSettings,
  { sequenceLength, newSequences }: Amount,
  replayShare: number,
): number | null {
  const { steps, tokens, epochs } = training;
  if (steps !== null) return null;
  if (tokens !== null) return tokens / sequenceLength;
  return ((epochs ?? 1) * newSequences) / (1 - replayShare);
}

function defaultShare(plan: BatchSettings, amount: Amount, preset: Preset): number {
  const { replayShare, minReplayTokens = 0 } = preset.training;
  const sequences = totalSequences(plan, amount, replayShare);
  if (sequences === null || minReplayTokens === 0) return replayShare;
  const needed = minReplayTokens / (sequences * amount.sequenceLength);
  return Math.max(replayShare, Math.min(needed, MAX_REPLAY_SHARE));
}

/**
 * Batch size, replay and steps of a run where they are not given. Scarce text gets smaller batches, so that there are
 * steps enough for a gate to learn in, and more replay than the preset's share, so that it sees enough old text
 * (docs/decisions/2026-11-25-scarce-text.md).
 */
export function planBatches(plan: BatchSettings, amount: Amount, preset: Preset): BatchPlan {
  const { steps, batchSize: givenSize, accumulation } = plan.training;
  const { sequenceLength } = amount;
  const replayShare = plan.replay.share ?? defaultShare(plan, amount, preset);
  const total = totalSequences(plan, amount, replayShare);
  const usual = Math.max(1, Math.round(DEFAULT_BATCH_TOKENS / sequenceLength));
  const forSteps = total === null ? usual : Math.floor(total / (MIN_STEPS * accumulation));
  const batchSize = givenSize ?? Math.max(1, Math.min(usual, forSteps));
  return {
    batchSize,
    replayShare,
    steps: steps ?? Math.max(1, Math.ceil((total ?? 1) / (batchSize * accumulation))),
  };
}
