import { leanExperts, leanTraining } from './lean-experts.ts';
import type { Preset } from './preset.ts';

const fusion = { type: 'guarded', oldPrior: 1, newPrior: 1, gateThreshold: 0.2 };
const replay = { replayShare: 0.05, minReplayTokens: 6000 };

/**
 * The default: MoE-CT with a guarded gate (threshold 0.2), a gated head delta and gated low-rank updates of attention
 * (docs: method, guarded form). Retention and gain on a base of 1.4 M parameters: README.
 */
export const moeCtPreset: Preset = {
  name: 'moe-ct',
  description: 'experts beside each layer, guarded gate, head delta; needs 5 % replay of old-language text',
  method: 'moe-ct',
  config: {
    layers: 'all',
    numExperts: 2,
    topK: 2,
    expert: { type: 'auto', init: 'copy' },
    fusion,
    headDelta: 'auto',
    attentionRank: 16,
  },
  training: {
    ...replay,
    learningRate: 4e-3,
    schedule: 'cosine',
    warmup: 0.05,
    finalRate: 0.05,
  },
  combine: 'gate',
  large: (base) => ({
    config: { ...leanExperts(base), fusion: { ...fusion, shared: true, teacherForcing: true } },
    training: { ...leanTraining, ...replay },
    ngrams: true,
  }),
};
