import { describe, expect, it } from 'vitest';
import { rollingWindows } from './rolling-windows.ts';

describe('rollingWindows', () => {
  it.each([0, 1, 7, 8, 9, 15, 16, 17, 24])('predicts each of %i tokens once, in order', (n) => {
    const max = 8;
    const predicted: number[] = [];
    for (const { start, length, scored } of rollingWindows(n, max)) {
      expect(length).toBeLessThanOrEqual(max);
      expect(start).toBeGreaterThanOrEqual(0);
      // input i of the sequence predicts token i
      for (let i = length - scored; i < length; i++) predicted.push(start + i);
    }
    expect(predicted).toEqual(Array.from({ length: n }, (_, i) => i));
  });

  it('fills a partial last window with context, as the harness does', () => {
    // fixture: windows [context, scored] = [1, 512] × 4, [409, 104] for 2,152 tokens
    expect(rollingWindows(2152, 512).at(-1)).toEqual({ start: 1640, length: 512, scored: 104 });
    expect(rollingWindows(2152, 512)).toHaveLength(5);
  });

  it('reads the last token of one window as the context of the next', () => {
    expect(rollingWindows(6, 3)).toEqual([
      { start: 0, length: 3, scored: 3 },
      { start: 3, length: 3, scored: 3 },
    ]);
  });
});
