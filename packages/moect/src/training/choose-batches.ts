import type { CheckedSettings } from '../config/schema.ts';
import type { Preset } from '../presets/preset.ts';

/** Tokens in one batch of the default size. */
const DEFAULT_BATCH_TOKENS = 2048;
/** A gate hardly moves in fewer steps, so scarce text gets smaller batches. */
const MIN_STEPS = 60;
/** Four passes over scarce text are worth nearly as much as new text (arXiv 2305.16264). */
const EPOCHS = 4;
/** Largest default share of replay. */
const MAX_REPLAY_SHARE = 0.25;

/** Settings that the choice of batches reads. */
export interface BatchSettings {
  readonly training: Pick<
    CheckedSettings['training'],
    'steps' | 'tokens' | 'epochs' | 'batchSize' | 'accumulation'
  >;
  readonly replayShare?: number | undefined;
}

export interface Batches {
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

/** Sequences of the run, replay included; null if `steps` sets its length. */
function totalSequences(
  { training }: BatchSettings,
  { sequenceLength, newSequences }: Amount,
  replayShare: number,
): number | null {
  const { steps, tokens, epochs = EPOCHS } = training;
  if (steps !== undefined) return null;
  if (tokens !== undefined) return tokens / sequenceLength;
  return (epochs * newSequences) / (1 - replayShare);
}

function defaultShare(settings: BatchSettings, amount: Amount, preset: Preset): number {
  const { replayShare, minReplayTokens = 0 } = preset.training;
  const sequences = totalSequences(settings, amount, replayShare);
  if (sequences === null || minReplayTokens === 0) return replayShare;
  const needed = minReplayTokens / (sequences * amount.sequenceLength);
  return Math.max(replayShare, Math.min(needed, MAX_REPLAY_SHARE));
}

/**
 * Fills in batch size, replay and steps of a run. Scarce text gets smaller batches, so that a gate has enough steps to
 * learn, and more replay than the preset's share, so that the gate sees enough old text
 * (docs/decisions/2026-11-25-scarce-text.md).
 */
export function chooseBatches(settings: BatchSettings, amount: Amount, preset: Preset): Batches {
  const { steps, batchSize: givenSize, accumulation = 1 } = settings.training;
  const { sequenceLength } = amount;
  const replayShare = settings.replayShare ?? defaultShare(settings, amount, preset);
  const total = totalSequences(settings, amount, replayShare);
  const { batchTokens = DEFAULT_BATCH_TOKENS } = preset.training;
  const usual = Math.max(1, Math.round(batchTokens / sequenceLength));
  const forSteps = total === null ? usual : Math.floor(total / (MIN_STEPS * accumulation));
  const batchSize = givenSize ?? Math.max(1, Math.min(usual, forSteps));
  return {
    batchSize,
    replayShare,
    steps: steps ?? Math.max(1, Math.ceil((total ?? 1) / (batchSize * accumulation))),
  };
}
