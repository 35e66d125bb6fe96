import type { BaseModel, Settings } from '@moect/core';

/** What a preset sets for a base. */
export interface PresetSettings {
  /** Settings of the method; the user's settings override them. */
  readonly config: Settings;
  readonly training: PresetTraining;
  /** Whether the pack counts n-grams of the new text. Default false. */
  readonly ngrams?: boolean;
}

/** Ready-made settings of a method, with the training defaults that go with them. */
export interface Preset extends PresetSettings {
  readonly name: string;
  /** One line, for people. */
  readonly description: string;
  /** Name of the method that it configures. */
  readonly method: string;
  /** Default use of the extension: `known`, `mixture`, `gate`, or a combination of your own. */
  readonly combine: string;
  /**
   * In place of `config`, `training` and `ngrams` for bases from {@link LARGE_BASE} parameters, and where a size of the
   * pack is asked for: experts of no size of their own get what that size leaves them.
   */
  readonly large?: (base: Pick<BaseModel, 'numLayers'>) => PresetSettings;
}

/** Parameters of a base from which packs are small: measured at 135 M; below, at 1.4 M, copies of FFNs gain more. */
export const LARGE_BASE = 20_000_000;

/** Numbers of a pack as a share of the base's parameters, where nothing else is asked for. */
export const PACK_SHARE = 0.1;

export interface PresetTraining {
  /** Share of the sequences in old languages; 0 needs no old text. */
  readonly replayShare: number;
  /** For a base of `referenceParameters`; see `learningRateFor`. */
  readonly learningRate: number;
  /** Default: 1.4 million, the base of the demo. */
  readonly referenceParameters?: number;
  /** Decay rates of AdamW's moments. Default [0.9, 0.95]. */
  readonly betas?: readonly [number, number];
  readonly schedule: 'cosine' | 'linear' | 'constant';
  /** Tokens drawn for the loss, where that makes it much cheaper; see `TrainOptions`. Default: all count. */
  readonly sampledSoftmax?: number;
  /** Tokens in one batch of the default size. Default 2,048. */
  readonly batchTokens?: number;
  /** Share of the steps. */
  readonly warmup: number;
  /** Least number of old tokens for a gate: scarce new text gets more replay than the share. Default 0. */
  readonly minReplayTokens?: number;
  /** Learning rate at the end, as a share of the highest. */
  readonly finalRate: number;
}
