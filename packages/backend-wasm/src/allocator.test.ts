import { BackendUnavailableError } from '@moect/core';
import { createRng } from '@moect/tensor';
import { describe, expect, test } from 'vitest';
import { Allocator, blockBytes } from './allocator.ts';

const newAllocator = (maximum = 4096): Allocator =>
  new Allocator(new WebAssembly.Memory({ initial: 4, maximum }));

test('blocks hold what is asked for and a vector more; large ones waste less than a cache line', () => {
  for (let bytes = 1; bytes < 5_000_000; bytes = Math.ceil(bytes * 1.013)) {
    const size = blockBytes(bytes);
    expect(size).toBeGreaterThanOrEqual(bytes + 16);
    expect(size % 16).toBe(0);
    if (bytes > 64) expect(size).toBeLessThan(bytes > 4096 ? bytes + 80 : (bytes + 16) * 1.26);
  }
});

describe('random requests', () => {
  test('never overlap, and come back whole', () => {
    const allocator = newAllocator();
    const rng = createRng(3);
    const live: { pointer: number; bytes: number }[] = [];
    const sizes = [...rng.integers(4000, 90_000)].map((n, i) => (i % 3 === 0 ? n % 700 : n));
    const picks = [...rng.integers(4000, 1 << 30)];
    sizes.forEach((bytes, i) => {
      if (live.length > 60) {
        const [gone] = live.splice(picks[i]! % live.length, 1);
        allocator.release(gone!.pointer, gone!.bytes);
      }
      const pointer = allocator.alloc(bytes);
      expect(pointer % 16).toBe(0);
      const overlaps = live.some((o) => pointer < o.pointer + o.bytes && o.pointer < pointer + bytes);
      expect(overlaps).toBe(false);
      live.push({ pointer, bytes });
    });
    expect(allocator.liveBytes).toBe(live.reduce((sum, { bytes }) => sum + blockBytes(bytes), 0));
    expect(allocator.peakBytes).toBeGreaterThanOrEqual(allocator.liveBytes);
    expect(allocator.top).toBeLessThan(1.6 * allocator.peakBytes);
    for (const { pointer, bytes } of live) allocator.release(pointer, bytes);
    expect(allocator.liveBytes).toBe(0);
  });

  test('gaps grow together: half of many small gaps holds a large block', () => {
    const allocator = newAllocator();
    const pointers = Array.from({ length: 40 }, () => allocator.alloc(10_000));
    const { top } = allocator;
    // the order gives blocks released neighbours before, behind, or on both sides
    for (const i of [3, 1, 2, 0, ...Array.from({ length: 16 }, (_, k) => 19 - k)]) {
      allocator.release(pointers[i]!, 10_000);
    }
    expect(allocator.alloc(200_000)).toBe(pointers[0]);
    expect(allocator.top).toBe(top);
  });
});

test('the end of the memory is an error, and what is left can still be had', () => {
  const allocator = newAllocator(16);
  const pointer = allocator.alloc(500_000);
  expect(() => allocator.alloc(700_000)).toThrow(BackendUnavailableError);
  expect(allocator.alloc(300_000)).toBeGreaterThan(pointer);
  allocator.release(pointer, 500_000);
  expect(allocator.alloc(400_000)).toBe(pointer);
});

test('the peak starts anew where it is reset', () => {
  const allocator = newAllocator();
  allocator.release(allocator.alloc(100_000), 100_000);
  expect(allocator.peakBytes).toBe(blockBytes(100_000));
  allocator.resetPeak();
  expect(allocator.peakBytes).toBe(0);
});
