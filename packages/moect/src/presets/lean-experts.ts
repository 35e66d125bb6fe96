import type { BaseModel, Settings } from '@moect/core';
import type { PresetTraining } from './preset.ts';

/** Share of the layers, from the top, that a small pack extends: what the others compute can be kept. */
const TOP_SHARE = 1 / 3;

/**
 * A small pack: one expert beside each of the top layers, which begins with neurons of the base's FFN that add nothing
 * yet, updates of attention, and rows of their own for the tokens of the new text
 * (docs/decisions/2026-11-30-default-pack.md).
 */
export const leanExperts = ({ numLayers }: Pick<BaseModel, 'numLayers'>): Settings => ({
  layers: { top: Math.max(1, Math.round(TOP_SHARE * numLayers)) },
  numExperts: 1,
  topK: 1,
  expert: { type: 'auto', init: 'slice-zero-down' },
  headDelta: null,
  tokenRows: 'used',
  attentionRank: 16,
  attentionAlpha: 16,
});

/** How it is trained; measured at 135 M parameters. */
export const leanTraining = {
  learningRate: 4e-3,
  referenceParameters: 134_515_008,
  // rows of rare tokens get a gradient in few steps: a slow second moment lets them move (0.05 bits a byte)
  betas: [0.9, 0.999],
  batchTokens: 512,
  sampledSoftmax: 4096,
  schedule: 'linear',
  warmup: 0.05,
  finalRate: 0,
} as const satisfies Partial<PresetTraining>;
