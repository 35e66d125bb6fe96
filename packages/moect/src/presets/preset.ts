import type { Settings } from '@moect/core';

/** Ready-made settings of a method, with the training defaults that go with them. */
export interface Preset {
  readonly name: string;
  /** One line, for people. */
  readonly description: string;
  /** Name of the method that it configures. */
  readonly method: string;
  /** Settings of the method; the user's settings override them. */
  readonly config: Settings;
  readonly training: PresetTraining;
  /** Whether the pack counts n-grams of the new text. Default false. */
  readonly ngrams?: boolean;
  /** Default use of the extension: `known`, `mixture`, `gate`, or a combination of your own. */
  readonly combine: string;
}

export interface PresetTraining {
  /** Share of the sequences in old languages; 0 needs no old text. */
  readonly replayShare: number;
  /** For a base of 1.4 million parameters; see `learningRateFor`. */
  readonly learningRate: number;
  readonly schedule: 'cosine' | 'linear' | 'constant';
  /** Tokens drawn for the loss, where that makes it much cheaper; see `TrainOptions`. Default: all count. */
  readonly sampledSoftmax?: number;
  /** Share of the steps. */
  readonly warmup: number;
  /** Least number of old tokens for a gate: scarce new text gets more replay than the share. Default 0. */
  readonly minReplayTokens?: number;
  /** Learning rate at the end, as a share of the highest. */
  readonly finalRate: number;
}
