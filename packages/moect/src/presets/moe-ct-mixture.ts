import { leanExperts, leanTraining } from './lean-experts.ts';
import type { Preset } from './preset.ts';

/**
 * A pack whose branch is always on, weighed against the base document by document. It needs no replay: the base does
 * not change, and the mixture loses at most log₂(1 ÷ prior) bits per document against it.
 */
export const moeCtMixturePreset: Preset = {
  name: 'moe-ct-mixture',
  description: 'always-on pack behind a Bayesian mixture with the base; needs no old-language text',
  method: 'moe-ct',
  config: {
    layers: 'all',
    numExperts: 2,
    topK: 2,
    expert: { type: 'auto', init: 'copy' },
    fusion: { type: 'always-on' },
    headDelta: 'auto',
    attentionRank: 16,
  },
  training: { replayShare: 0, learningRate: 4e-3, schedule: 'cosine', warmup: 0.05, finalRate: 0.05 },
  combine: 'mixture',
  large: (base) => ({
    config: { ...leanExperts(base), fusion: { type: 'always-on' } },
    training: { ...leanTraining, replayShare: 0 },
    ngrams: true,
  }),
};
