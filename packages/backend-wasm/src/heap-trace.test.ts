import { describe, expect, test } from 'vitest';
import { Allocator } from './allocator.ts';
import { extrapolateHeap, type HeapTrace, recordHeap } from './heap-trace.ts';

interface Measured {
  readonly trace: HeapTrace;
  readonly peakBytes: number;
  readonly usedBytes: number;
}

/** Runs `work` on an allocator of its own that holds `start` bytes already. */
function measure(work: (allocator: Allocator) => void, start = 100_000): Measured {
  const allocator = new Allocator(new WebAssembly.Memory({ initial: 4, maximum: 65_536 }));
  allocator.alloc(start);
  const stop = recordHeap(allocator);
  work(allocator);
  return { trace: stop(), peakBytes: allocator.peakBytes, usedBytes: allocator.top };
}

/** Resembles a training step: results that stay, two phases that peak at different sizes, a loop over blocks. */
const step =
  (units: number) =>
  (allocator: Allocator): void => {
    const constant = allocator.alloc(5_000_000);
    const more = allocator.alloc(5_000);
    allocator.release(constant, 5_000_000);
    allocator.release(more, 5_000);
    const kept = Array.from({ length: 6 }, (_, i) => [allocator.alloc(9_000 * units * (i + 1)), i] as const);
    for (let first = 0; first < units * 100; first += 64) {
      const scratch = allocator.alloc(200_000);
      const inner = allocator.alloc(70_000);
      allocator.release(inner, 70_000);
      allocator.release(scratch, 200_000);
    }
    for (const [pointer, i] of kept) {
      const gradient = allocator.alloc(9_000 * units * (i + 1));
      allocator.release(pointer, 9_000 * units * (i + 1));
      allocator.release(gradient, 9_000 * units * (i + 1));
    }
  };

describe('what work takes of the heap', () => {
  test('on many units follows from one and two, also where another moment is the peak', () => {
    const [one, two] = [measure(step(1)), measure(step(2))];
    for (const units of [1, 2, 5, 40, 300]) {
      const real = measure(step(units));
      const { peakBytes, usedBytes } = extrapolateHeap(one.trace, two.trace, units - 1);
      // blocks are rounded to cache lines
      expect(Math.abs(peakBytes - real.peakBytes)).toBeLessThan(1000);
      expect(Math.abs(usedBytes / real.usedBytes - 1)).toBeLessThan(0.05);
    }
    const linear = one.peakBytes + 299 * (two.peakBytes - one.peakBytes);
    expect(linear).toBeLessThan(0.5 * measure(step(300)).peakBytes);
  });

  test('that does other things on two units than on one is extrapolated as a whole', () => {
    const odd = (units: number) => (allocator: Allocator) => {
      for (let i = 0; i < units; i++) allocator.alloc(1_000_000);
    };
    const { peakBytes } = extrapolateHeap(measure(odd(1)).trace, measure(odd(2)).trace, 9);
    expect(Math.abs(peakBytes / measure(odd(10)).peakBytes - 1)).toBeLessThan(0.01);
  });

  test('may be more than WebAssembly has', () => {
    const [one, two] = [measure(step(1)), measure(step(2))];
    expect(extrapolateHeap(one.trace, two.trace, 40_000).usedBytes).toBeGreaterThan(2 ** 32);
  });
});

test('blocks from before the recording may be given back during it', () => {
  const allocator = new Allocator(new WebAssembly.Memory({ initial: 4, maximum: 1024 }));
  const early = allocator.alloc(50_000);
  const stop = recordHeap(allocator);
  allocator.release(early, 50_000);
  const late = allocator.alloc(30_000);
  const trace = stop();
  allocator.release(late, 30_000);
  expect(trace.blocks).toEqual([30_000]);
  expect(trace.events).toEqual([1]);
});
