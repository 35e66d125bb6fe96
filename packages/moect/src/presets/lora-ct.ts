import type { Preset } from './preset.ts';

/** Rank 8 on every linear layer, as the paper's LoRA baseline. */
export const loraCtPreset: Preset = {
  name: 'lora-ct',
  description: 'low-rank updates (rank 8) of every linear layer; 5 % replay',
  method: 'lora-ct',
  config: { rank: 8 },
  training: { replayShare: 0.05, learningRate: 1e-2, schedule: 'cosine', warmup: 0.05, finalRate: 0.05 },
  combine: 'gate',
};
