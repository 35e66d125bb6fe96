import type { Preset } from './preset.ts';

/** MoE-CT as published (arXiv 2407.00875): the continuous gate, no head delta, cosine without warm-up. */
export const moeCtPaperPreset: Preset = {
  name: 'moe-ct-paper',
  description: 'MoE-CT as published: unnormalised gate, nothing beside the layers; 5 % replay',
  method: 'moe-ct',
  config: {
    layers: 'all',
    numExperts: 2,
    topK: 2,
    expert: { type: 'auto', init: 'copy' },
    fusion: { type: 'continuous' },
    headDelta: null,
    attentionRank: 0,
  },
  training: { replayShare: 0.05, learningRate: 3e-3, schedule: 'cosine', warmup: 0, finalRate: 0 },
  combine: 'gate',
};
