import type { Batch, HiddenStateSource, Tensor } from '@moect/core';
import { memory, tensor } from '@moect/tensor';
import { selectBackend } from '@moect/tensor/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { tinyData } from '../testing/tiny-data.ts';
import { StatesAhead } from './states-ahead.ts';

describe('StatesAhead', () => {
  beforeAll(() => selectBackend('cpu').then(() => undefined));
  const data = tinyData();

  /** The tokens themselves; tells which batches were asked for, and fails where it is told to. */
  function source(failing: number[] = []): { asked: string[]; states: HiddenStateSource } {
    const asked: string[] = [];
    const states: HiddenStateSource = {
      contract: 'hidden-states/1',
      layer: 1,
      at: 'block',
      dtype: 'bf16',
      async hiddenStates({ tokens, batchSize, sequenceLength }) {
        const key = tokens.join();
        asked.push(key);
        if (failing.some((counter) => data.batch(counter).tokens.join() === key)) throw new Error('no disk');
        return tensor(Float32Array.from(tokens), [batchSize, sequenceLength, 1]);
      },
    };
    return { asked, states };
  }
  const valuesOf = async (states: Tensor): Promise<string> => {
    const values = (await states.data()).join();
    states.dispose();
    return values;
  };
  const key = (counter: number): string => data.batch(counter).tokens.join();
  const batch = (counter: number): Batch => data.batch(counter);

  it('gives what was read before, reads each once, and gives it out once', async () => {
    const before = memory().numTensors;
    const { asked, states } = source();
    const ahead = new StatesAhead(states, data);
    expect(await valuesOf(await ahead.take(0, batch(0)))).toBe(key(0));
    await ahead.read(1);
    expect(asked).toEqual([key(0), key(1)]);
    expect(await valuesOf(await ahead.take(1, batch(1)))).toBe(key(1));
    expect(asked).toHaveLength(2);
    expect(await valuesOf(await ahead.take(1, batch(1)))).toBe(key(1));
    expect(asked).toHaveLength(3);
    expect(memory().numTensors).toBe(before);
  });

  it('is not misled by another batch than the one that was read, and frees what nobody takes', async () => {
    const before = memory().numTensors;
    const { states } = source();
    const ahead = new StatesAhead(states, data);
    await ahead.read(4);
    expect(await valuesOf(await ahead.take(2, batch(2)))).toBe(key(2));
    await ahead.read(3);
    ahead.dispose();
    expect(memory().numTensors).toBe(before);
  });

  it('leaves a failure to the step that it belongs to', async () => {
    const { states } = source([1]);
    const ahead = new StatesAhead(states, data);
    await ahead.read(1);
    await expect(ahead.take(1, batch(1))).rejects.toThrow('no disk');
    expect(await valuesOf(await ahead.take(2, batch(2)))).toBe(key(2));
  });
});
