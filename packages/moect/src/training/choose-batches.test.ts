import { describe, expect, it } from 'vitest';
import { type CheckedSettings, type RunSettings, runSchema } from '../config/schema.ts';
import { defaultMoect } from '../parts/moect.ts';
import { type Batches, chooseBatches } from './choose-batches.ts';

/** Of a run with sequences of 256 tokens. */
function planned(newSequences: number, settings: RunSettings & { replayShare?: number } = {}): Batches {
  const { replayShare, preset = 'moe-ct', ...given } = settings;
  const { training } = runSchema.parse(given) as CheckedSettings;
  const amount = { sequenceLength: 256, newSequences };
  return chooseBatches({ training, replayShare }, amount, defaultMoect.preset(preset));
}

describe('the choice of batches', () => {
  it('takes usual batches and the preset’s replay for a text that is large enough', () => {
    expect(planned(1000)).toEqual({ batchSize: 8, replayShare: 0.05, steps: 527 });
  });

  it('makes at least 60 steps of a scarce text, with more old text for the gate', () => {
    const { batchSize, replayShare, steps } = planned(60);
    // 4 epochs of 60 sequences and 5 % replay are 252.6 sequences; 6,000 tokens are 23.4 of them
    expect(replayShare).toBeCloseTo(23.4375 / 252.63, 4);
    expect(batchSize).toBe(4);
    expect(steps).toBeGreaterThanOrEqual(60);
  });

  it('replays at most a quarter of a very scarce text', () => {
    expect(planned(5)).toMatchObject({ batchSize: 1, replayShare: 0.25, steps: 27 });
  });

  it('raises the replay of a gate only', () => {
    expect(planned(5, { preset: 'ct-replay' }).replayShare).toBe(0.05);
    expect(planned(5, { preset: 'ct' }).replayShare).toBe(0);
  });

  it('takes what is given as it is', () => {
    const settings = { training: { batchSize: 16, epochs: 2 }, replayShare: 0.1 };
    expect(planned(90, settings)).toEqual({ batchSize: 16, replayShare: 0.1, steps: 13 });
    expect(planned(5, { training: { steps: 7 } })).toMatchObject({
      batchSize: 8,
      replayShare: 0.05,
      steps: 7,
    });
  });
});
