import type { Preset } from './preset.ts';

const training = { learningRate: 3e-3, schedule: 'cosine', warmup: 0.05, finalRate: 0.05 } as const;

/** Full continual training: gains most and forgets most. The yardstick, not a recommendation. */
export const ctPreset: Preset = {
  name: 'ct',
  description: 'full continual training of all weights, no replay: the yardstick for gain and for forgetting',
  method: 'ct',
  config: {},
  training: { ...training, replayShare: 0 },
  combine: 'gate',
};

export const ctReplayPreset: Preset = {
  name: 'ct-replay',
  description: 'full continual training with 5 % replay',
  method: 'ct',
  config: {},
  training: { ...training, replayShare: 0.05 },
  combine: 'gate',
};
