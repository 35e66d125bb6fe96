import { afterAll, expect, test } from 'vitest';
import { fuzzCases } from './fuzz.test-support.ts';
import { compareWithCpu, draws, startWasm } from './test-support.ts';

const { SharedArrayBuffer: shared } = globalThis;

afterAll(() => {
  globalThis.SharedArrayBuffer = shared;
});

test('deterministic: plain SIMD agrees with the cpu backend', async () => {
  const { runtime } = await startWasm({ deterministic: true });
  expect(runtime.relaxedSimd).toBe(false);
  expect(await compareWithCpu(fuzzCases(draws(5), 920))).toEqual([]);
});

test('without SharedArrayBuffer: memory that is not shared, one thread, growth detaches views', async () => {
  // a page that is not cross-origin isolated
  Reflect.deleteProperty(globalThis, 'SharedArrayBuffer');
  const { runtime } = await startWasm({ threads: 2 });
  expect(runtime.shared).toBe(false);
  expect(runtime.threads).toBe(1);
  const found = await compareWithCpu(fuzzCases(draws(6), 460));
  const block = runtime.allocator.alloc(64 << 20);
  found.push(...(await compareWithCpu(fuzzCases(draws(7), 460))));
  runtime.allocator.release(block, 64 << 20);
  expect(found).toEqual([]);
});
